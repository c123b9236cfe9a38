// The tree of tools: each server says how many of its tools are ticked, and opens when the filter finds something in it.
// Without this the form works the same; the counts are then those of the page as it came.

function count(branch) {
  const whole = branch.querySelector("[data-branch-all]")
  const boxes = [...branch.querySelectorAll("li input[type=checkbox]")]
  const ticked = boxes.filter((box) => box.checked).length
  whole.indeterminate = !whole.checked && ticked > 0
  branch.querySelector("[data-branch-count]").textContent = whole.checked ? "all, including future tools" : `${ticked} of ${boxes.length}`
}

const branches = () => document.querySelectorAll("[data-branch]")

document.addEventListener("change", (event) => {
  const branch = event.target.closest("[data-branch]")
  if (branch) count(branch)
})

document.addEventListener("input", (event) => {
  if (!event.target.matches(".tree-picker [data-filter-input]") || !event.target.value.trim()) return
  for (const branch of branches()) branch.open = branch.querySelector("li:not([hidden])") !== null
})

for (const branch of branches()) count(branch)
