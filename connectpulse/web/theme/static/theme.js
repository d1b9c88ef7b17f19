// Set the theme before anything is drawn. Loaded in the head, and small for that reason.
(() => {
  const chosen = localStorage.getItem("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = chosen || (dark ? "dark" : "light");
  document.documentElement.classList.add("js");
})();
