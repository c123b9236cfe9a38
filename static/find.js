// The search in the top bar: the arrow keys walk through what it found, Escape leaves it. What was typed before the page
// listened is looked for as soon as it does.

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

function lookFor(box) {
  if (box?.hasAttribute("data-htmx-powered") && box.value !== box.defaultValue) box.dispatchEvent(new Event("again"))
}

document.addEventListener("htmx:after:init", ({ target }) => {
  if (target.id === "find") lookFor(target)
})

lookFor(document.getElementById("find"))
