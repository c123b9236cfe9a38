// Runs before the first paint, so that a page never shows in the wrong theme.
(() => {
  const root = document.documentElement
  root.classList.add("scripted-page")
  let theme = null
  try {
    theme = localStorage.getItem("theme")
  } catch {
    // Storage may be shut; the system's theme is a good answer then.
  }
  if (theme === "light" || theme === "dark") root.dataset.theme = theme
})()
