// Set before the first paint, so that a dark screen never flashes white.
(() => {
  const kept = localStorage.getItem("color-scheme") ?? "auto";
  const dark = kept === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : kept === "dark";
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
