-- archdsl in Neovim, from 0.7 on: put this folder on the runtime path, or this file into plugin/.
--
--   vim.opt.runtimepath:append("…/editors/neovim")
--
-- The program is `archdsl`, or what `vim.g.archdsl_path` names. `require`s nothing but Neovim.

if vim.g.loaded_archdsl then
  return
end
vim.g.loaded_archdsl = true

local MARKERS = { "archdsl.toml", "pyproject.toml", ".git" }
local archdsl = { client = nil }

-- The folder above a file that has one of the markers, or the file's own.
local function root_of(file)
  local folder = vim.fn.fnamemodify(file, ":p:h")
  local at = folder
  while true do
    for _, marker in ipairs(MARKERS) do
      if vim.loop.fs_lstat(at .. "/" .. marker) then
        return at
      end
    end
    local above = vim.fn.fnamemodify(at, ":h")
    if above == at then
      return folder
    end
    at = above
  end
end

-- Start the server for a buffer, or attach the one of its project.
local function attach(buffer)
  local config = {
    name = "archdsl",
    cmd = { vim.g.archdsl_path or "archdsl", "lsp" },
    root_dir = root_of(vim.api.nvim_buf_get_name(buffer)),
    capabilities = vim.lsp.protocol.make_client_capabilities(),
  }
  if vim.lsp.start then
    archdsl.client = vim.lsp.start(config, { bufnr = buffer })
  else -- 0.7: one server for all
    if not (archdsl.client and vim.lsp.get_client_by_id(archdsl.client)) then
      archdsl.client = vim.lsp.start_client(config)
    end
    if archdsl.client then
      vim.lsp.buf_attach_client(buffer, archdsl.client)
    end
  end
  if archdsl.client and vim.lsp.inlay_hint and vim.g.archdsl_hints ~= false then
    vim.lsp.inlay_hint.enable(true, { bufnr = buffer })
  end
end

-- Ask for the cost of the model at the cursor; `show` is called with it, or with nil where there is none.
-- It has model, input, flops, params and acts.
function archdsl.total(show)
  local asked = vim.lsp.util.make_position_params(0, "utf-16")
  vim.lsp.buf_request(0, "archdsl/total", asked, function(_, total)
    show(type(total) == "table" and total or nil)
  end)
end

vim.api.nvim_create_user_command("ArchdslTotal", function()
  archdsl.total(function(total)
    if total == nil then
      vim.notify("archdsl: no model here")
      return
    end
    vim.notify(string.format("%s: %d flops, %d params, %d acts", total.model, total.flops, total.params, total.acts))
  end)
end, { desc = "The cost of the model at the cursor" })

local group = vim.api.nvim_create_augroup("archdsl", {})

vim.api.nvim_create_autocmd({ "BufRead", "BufNewFile" }, {
  group = group,
  pattern = "*.arch",
  callback = function()
    vim.bo.filetype = "arch"
  end,
})

-- The installed library is read, not written.
vim.api.nvim_create_autocmd("BufRead", {
  group = group,
  pattern = "*/archdsl/_data/specs/*.arch",
  callback = function()
    vim.bo.readonly = true
    vim.bo.modifiable = false
  end,
})

vim.api.nvim_create_autocmd("FileType", {
  group = group,
  pattern = "arch",
  callback = function(event)
    vim.bo[event.buf].commentstring = "# %s"
    vim.bo[event.buf].shiftwidth = 2
    vim.bo[event.buf].expandtab = true
    attach(event.buf)
  end,
})

package.loaded["archdsl"] = archdsl
