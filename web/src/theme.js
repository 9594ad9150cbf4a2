// Dark or light: as the system has it, until somebody chooses.
const KEY = "archdsl-theme";

export function theme(button) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let chosen = null;
  try {
    chosen = localStorage.getItem(KEY);
  } catch {
    chosen = null; // a browser without storage has the system's
  }
  const apply = () => {
    const name = chosen === "dark" || chosen === "light" ? chosen : dark.matches ? "dark" : "light";
    document.documentElement.dataset.theme = name;
    button.setAttribute("aria-pressed", String(name === "dark"));
  };
  button.addEventListener("click", () => {
    chosen = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, chosen);
    } catch {
      // it holds for this visit
    }
    apply();
  });
  dark.addEventListener("change", apply);
  apply();
}
