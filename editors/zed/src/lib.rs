//! Starts `archdsl lsp`, which must be on the path that Zed sees.

use zed_extension_api as zed;

struct Archdsl;

impl zed::Extension for Archdsl {
    fn new() -> Self {
        Archdsl
    }

    fn language_server_command(
        &mut self,
        _server: &zed::LanguageServerId,
        worktree: &zed::Worktree,
    ) -> zed::Result<zed::Command> {
        let command = worktree
            .which("archdsl")
            .ok_or("archdsl is not on the path: pip install 'archdsl[lsp]'")?;
        Ok(zed::Command {
            command,
            args: vec!["lsp".into()],
            env: worktree.shell_env(),
        })
    }
}

zed::register_extension!(Archdsl);
