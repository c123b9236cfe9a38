// The search in the top bar: the arrow keys walk through what it found, Escape leaves it.

let before = null // had the focus before the search

document.addEventListener("focusin", ({ target, relatedTarget }) => {
  if (target.id === "find" && !relatedTarget?.closest(".top-search")) before = relatedTarget
})

document.addEventListener("keydown", (event) => {
  const search = event.target.closest?.(".top-search")
  if (!search || event.isComposing) return
  if (event.key === "Escape") {
    event.preventDefault()
    document.activeElement.blur()
    if (before?.isConnected) before.focus()
    return
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (!step) return
  event.preventDefault()
  const stops = [search.querySelector("#find"), ...search.querySelectorAll("#find-hits a")]
  stops[stops.indexOf(event.target) + step]?.focus()
})
