-- What a user does in Neovim, without a screen: open a file with a fault, see it, look at what is known, mend it, save.
-- The file and the place of the report are in the environment; the plugin is the one that ships, sourced by the test.

local report = {}
local file, place = vim.env.ARCH_FILE, vim.env.ARCH_REPORT

local function write()
  local out = io.open(place, "w")
  out:write(vim.json and vim.json.encode(report) or vim.fn.json_encode(report))
  out:close()
end

local function until_(what, condition)
  if not vim.wait(60000, condition, 20) then
    report.late = what
    write()
    vim.cmd("cquit 3")
  end
end

local function asked(method, params)
  local answers = vim.lsp.buf_request_sync(0, method, params, 60000)
  for _, answer in pairs(answers or {}) do
    if answer.err then
      return { fault = answer.err.message }
    end
    return answer.result
  end
end

local function body()
  vim.cmd("edit " .. vim.fn.fnameescape(file))
  report.filetype = vim.bo.filetype
  until_("diagnostics", function()
    return #vim.diagnostic.get(0) > 0
  end)
  local found = vim.diagnostic.get(0)[1]
  report.diagnostic = { message = found.message, line = found.lnum, column = found.col, stop = found.end_col }

  vim.api.nvim_win_set_cursor(0, { found.lnum + 1, found.col })
  report.word = vim.fn.expand("<cword>")
  local here = vim.lsp.util.make_range_params()
  here.context = { diagnostics = { found.user_data.lsp.diagnostic or {
    range = { start = { line = found.lnum, character = 0 }, ["end"] = { line = found.lnum, character = 1 } },
    message = found.message,
    code = found.user_data.lsp.code,
  } } }
  local actions = asked("textDocument/codeAction", here)
  report.title = actions[1].title
  vim.lsp.util.apply_workspace_edit(actions[1].edit, "utf-16")
  until_("mended", function()
    return #vim.diagnostic.get(0) == 0
  end)

  vim.fn.search("y_block {")
  report.hover = asked("textDocument/hover", vim.lsp.util.make_position_params()).contents.value
  local places = asked("textDocument/definition", vim.lsp.util.make_position_params())
  vim.lsp.util.jump_to_location(places[1], "utf-16")
  report.library = vim.fn.expand("%:t")
  report.declared = vim.fn.expand("<cword>")
  vim.cmd("buffer #")

  vim.fn.search("stem:")
  local all = { textDocument = vim.lsp.util.make_text_document_params() }
  all.range = { start = { line = 0, character = 0 }, ["end"] = { line = vim.fn.line("$"), character = 0 } }
  report.hints = #asked("textDocument/inlayHint", all)
  local total
  require("archdsl").total(function(value)
    total = value or {}
  end)
  until_("total", function()
    return total ~= nil
  end)
  report.flops = total.flops

  vim.fn.search("width: *16")
  vim.cmd("normal! A   ")
  until_("layout", function() -- again where the answer was for an older text
    if vim.lsp.buf.format then
      vim.lsp.buf.format({ async = false })
    else
      vim.lsp.buf.formatting_sync(nil, 60000)
    end
    return vim.fn.search(" $", "nw") == 0
  end)
  vim.cmd("write")
  report.clients = #vim.lsp.get_active_clients()
  report.done = true
end

local ok, fault = xpcall(body, debug.traceback)
if not ok then
  report.fault = fault
end
write()
vim.cmd("qall!")
