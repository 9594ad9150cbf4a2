;;; archdsl-mode.el --- The .arch language for vision networks -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; A mode for .arch files, and the language server for eglot, which Emacs has from 29 on:
;;
;;   (load "…/editors/emacs/archdsl-mode")
;;   (add-hook 'archdsl-mode-hook #'eglot-ensure)
;;
;; The program is `archdsl', or what `archdsl-program' names.

;;; Code:

(defvar eglot-server-programs)

(defgroup archdsl nil
  "The .arch language."
  :group 'languages)

(defcustom archdsl-program "archdsl"
  "The archdsl program: a name on the path, or a file."
  :type 'string)

(defvar archdsl-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?\\ "." table)
    (modify-syntax-entry ?_ "w" table)
    table)
  "Comments from # to the end of the line; strings without escapes.")

(defvar archdsl-mode-keywords
  `((,(rx line-start (* blank) (group (or "block" "fn" "model" "models" "scaling" "recipe" "space"))
          (+ blank) (group (any "A-Za-z_") (* (any "A-Za-z0-9_"))))
     (1 font-lock-keyword-face)
     (2 font-lock-function-name-face))
    (,(rx line-start (* blank) (group (or "arch" "use")) (+ blank)) 1 font-lock-keyword-face)
    (,(rx word-start
          (or "require" "return" "if" "else" "when" "or" "and" "not" "with" "for" "in" "as" "refines")
          word-end)
     . font-lock-keyword-face)
    (,(rx word-start (or "true" "false" "none") word-end) . font-lock-constant-face)
    (,(rx (group (any "A-Za-z_") (* (any "A-Za-z0-9_."))) (* blank) ":") 1 font-lock-variable-name-face))
  "What is colored without the server.")

;;;###autoload
(define-derived-mode archdsl-mode prog-mode "archdsl"
  "A mode for networks in the .arch language."
  (setq-local comment-start "# ")
  (setq-local comment-end "")
  (setq-local indent-tabs-mode nil)
  (setq-local tab-width 2)
  (setq-local indent-line-function #'archdsl-indent-line)
  (setq-local font-lock-defaults '(archdsl-mode-keywords)))

(defun archdsl-indent-line ()
  "Indent by two for every bracket that is open at the beginning of the line."
  (interactive)
  (let* ((at (- (point-max) (point)))
         (depth (save-excursion
                  (back-to-indentation)
                  (let ((open (car (syntax-ppss (line-beginning-position)))))
                    (if (looking-at "[])}]") (1- open) open)))))
    (indent-line-to (* 2 (max depth 0)))
    (when (> (- (point-max) at) (point))
      (goto-char (- (point-max) at)))))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.arch\\'" . archdsl-mode))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs
               `(archdsl-mode . ,(lambda (&rest _) (list archdsl-program "lsp")))))

(provide 'archdsl-mode)
;;; archdsl-mode.el ends here
