// Runs before the first paint: the theme that somebody chose, if they chose one. A plain script, since a module waits.
(() => {
  const read = () => { try { return localStorage.getItem("theme"); } catch { return null; } };
  const theme = read();
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
