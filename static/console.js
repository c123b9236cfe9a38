// Makes the console quicker to use. Every page works without it.
// Everything listens on the document, so that parts of a page may be replaced at any time.

const all = (selector, root = document) => [...root.querySelectorAll(selector)]

// Menus: Escape and a click elsewhere close them; Escape gives the focus back.

function closeMenus(except) {
  for (const menu of all("details.menu[open]")) {
    if (menu === except) continue
    if (!except && menu.contains(document.activeElement)) menu.querySelector("summary").focus()
    menu.open = false
  }
}

document.addEventListener("keydown", (event) => event.key === "Escape" && closeMenus())

document.addEventListener("click", (event) => {
  const menu = event.target.closest("details.menu")
  if (!menu && document.querySelector("details.menu[open]")) closeMenus(document.body)
})

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open-dialog]")
  if (!opener) return
  closeMenus(document.body)
  const dialog = document.getElementById(opener.dataset.openDialog)
  if (!dialog.open) dialog.showModal()
})

// Theme: kept in this browser; "system" forgets the choice.

function showTheme() {
  const theme = document.documentElement.dataset.theme ?? "system"
  for (const button of all("[data-theme-choice]")) button.setAttribute("aria-pressed", button.dataset.themeChoice === theme)
}

document.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-theme-choice]")?.dataset.themeChoice
  if (!choice) return
  const root = document.documentElement
  if (choice === "system") delete root.dataset.theme
  else root.dataset.theme = choice
  try {
    if (choice === "system") localStorage.removeItem("theme")
    else localStorage.setItem("theme", choice)
  } catch {
    // The choice then lasts for this page.
  }
  showTheme()
})

// Pickers: [data-filter] holds a search box, tick boxes in li, and [data-filter-count].

const normal = (text) => text.toLowerCase().trim()

function filter(picker) {
  const words = normal(picker.querySelector("[data-filter-input]")?.value ?? "").split(/\s+/)
  let shown = 0
  for (const item of picker.querySelectorAll("li")) {
    const text = normal(item.textContent)
    const hit = words.every((word) => text.includes(word))
    if (item.hidden === hit) item.hidden = !hit
    if (hit) shown++
  }
  countSelected(picker, words[0] ? shown : null)
}

function countSelected(picker, shown) {
  const boxes = all("li input[type=checkbox]", picker)
  const selected = boxes.filter((box) => box.checked).length
  const count = picker.querySelector("[data-filter-count]")
  const text = (shown === null ? "" : `${shown} matching, `) + `${selected} of ${boxes.length}`
  if (count && count.textContent !== text) count.textContent = text
  const none = picker.querySelector("[data-filter-none]")
  if (none) none.hidden = shown !== 0
}

function tickShown(picker, tick) {
  for (const item of picker.querySelectorAll("li:not([hidden])")) {
    const box = item.querySelector("input[type=checkbox]:not(:disabled)")
    if (box && box.checked !== tick) {
      box.checked = tick
      box.dispatchEvent(new Event("change", { bubbles: true }))
    }
  }
}

document.addEventListener("input", (event) => {
  const picker = event.target.matches("[data-filter-input]") && event.target.closest("[data-filter]")
  if (picker) filter(picker)
})

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-filter-input]")) return
  if (event.key === "Enter") event.preventDefault() // it would send the form
  if (event.key === "Escape" && event.target.value) {
    event.target.value = ""
    filter(event.target.closest("[data-filter]"))
  }
})

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-filter-tick]")
  if (button) tickShown(button.closest("[data-filter]"), button.dataset.filterTick === "on")
})

// Copy: data-copy names the element whose text is copied.

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]")
  if (!button) return
  const source = document.getElementById(button.dataset.copy)
  const words = button.querySelector("[data-copy-label]") ?? button
  words.dataset.label ??= words.textContent // a second click may come while it says "Copied"
  try {
    await navigator.clipboard.writeText(source.value ?? source.textContent.trim())
    words.textContent = "Copied"
  } catch {
    getSelection().selectAllChildren(source)
    words.textContent = "Press Ctrl+C"
  }
  setTimeout(() => (words.textContent = words.dataset.label), 2000)
})

// Lists: the box in the header ticks every row; the bulk bar says how many are ticked.

function countRows() {
  const rows = all("[data-select-row]")
  if (!rows.length) return
  const ticked = rows.filter((row) => row.checked).length
  for (const count of all("[data-select-count]")) count.textContent = `${ticked} selected`
  for (const box of all("[data-select-all]")) {
    box.checked = ticked === rows.length
    box.indeterminate = ticked > 0 && ticked < rows.length
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-select-all]")) for (const row of all("[data-select-row]")) row.checked = event.target.checked
  if (event.target.matches("[data-select-all], [data-select-row]")) countRows()
  const picker = event.target.matches("input[type=checkbox]") && event.target.closest("[data-filter]")
  if (picker) filter(picker)
})

document.addEventListener("reset", () => setTimeout(countRows))

// Summary of problems: its links put the caret into the field.

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-problem-summary] a[href^='#']")
  const field = link && document.getElementById(decodeURIComponent(link.hash.slice(1)))
  if (!field) return
  event.preventDefault()
  if (!field.matches("input, select, textarea")) field.tabIndex = -1 // a group, which takes no focus by itself
  field.focus({ preventScroll: true })
  field.scrollIntoView({ block: "center" })
})

// Table of contents: the section in view is the current one.

const seen = new IntersectionObserver(markSection, { rootMargin: "-80px 0px -60% 0px" })

function watchSections() {
  seen.disconnect()
  for (const link of all(".toc a[href^='#']")) {
    const section = document.getElementById(link.hash.slice(1))
    if (section) seen.observe(section)
  }
}

document.addEventListener("click", (event) => {
  const list = event.target.closest(".toc a") && document.querySelector(".toc > :popover-open")
  list?.hidePopover()
})

function markSection(entries) {
  for (const { target, isIntersecting } of entries) target.toggleAttribute("data-in-view", isIntersecting)
  const links = all(".toc a[href^='#']")
  const now = links.find((link) => document.getElementById(link.hash.slice(1))?.hasAttribute("data-in-view"))
  if (!now) return
  for (const link of links) {
    if (link === now) link.setAttribute("aria-current", "true")
    else link.removeAttribute("aria-current")
  }
}

// Time zones: offered are those that this browser knows.

document.addEventListener("focusin", ({ target }) => {
  const list = target.list
  if (list?.id !== "time-zones" || list.options.length > 0) return
  list.append(...(Intl.supportedValuesOf?.("timeZone") ?? []).map((zone) => new Option(zone, zone)))
})

// Once a page, and again after each swap.

function refresh() {
  showTheme()
  countRows()
  watchSections()
  all("[data-filter]").forEach(filter)
}

// A swap leaves open and closed as they are; a card with a problem opens.
document.addEventListener("htmx:after:swap", (event) => {
  for (const details of all("details[data-stays-open]")) details.open = true
  refresh()
  // After an added row the focus is in that row; only a refusal takes it to the summary.
  if (event.detail?.ctx?.response?.status >= 400) showProblems()
})
addEventListener("pageshow", refresh)

function showProblems() {
  const summary = document.querySelector("[data-problem-summary]")
  if (!summary) return
  summary.focus({ preventScroll: true })
  // Once the swap is laid out; before that the browser would keep what is in view in its place.
  requestAnimationFrame(() => summary.scrollIntoView({ block: "center", behavior: "instant" }))
}
showProblems()

// A form that keeps itself up to date after changes must not do so after it was sent: the answer to what was sent says more.

let changed = 0
let sent = 0
document.addEventListener("change", () => (changed = performance.now()))
document.addEventListener("submit", () => (sent = performance.now()), true)
document.addEventListener("htmx:before:request", (event) => {
  if (event.target.matches?.("[data-keeps-current]") && sent >= changed) event.preventDefault()
})

// What is typed while an answer is on its way is newer than the answer: it outlives the swap, and is asked about again.

const edited = new Map() // id of the field: when
const asked = new WeakMap() // request: when
let newer = []
for (const kind of ["input", "change"]) {
  document.addEventListener(kind, ({ target }) => target.id && target.name && edited.set(target.id, performance.now()))
}
document.addEventListener("htmx:before:request", ({ detail }) => asked.set(detail.ctx, performance.now()))
// A change made while another request was on its way had its own dropped.
document.addEventListener("htmx:finally:request", ({ detail }) => {
  if (changed > sent && changed > asked.get(detail.ctx)) document.querySelector("[data-keeps-current]")?.dispatchEvent(new Event("again"))
})
document.addEventListener("htmx:before:swap", ({ detail }) => {
  newer = [...edited.keys()].filter((id) => edited.get(id) > asked.get(detail.ctx)).map((id) => document.getElementById(id))
  newer = newer.filter(Boolean).map(({ id, value, checked }) => ({ id, value, checked }))
})
document.addEventListener("htmx:after:swap", () => {
  let put = null
  for (const { id, value, checked } of newer) {
    const field = document.getElementById(id)
    const ticked = field?.matches("[type=checkbox], [type=radio]")
    if (!field || (ticked && field.value !== value)) continue
    if (!ticked && field.value !== value) field.value = value
    if (ticked) field.checked = checked
    put = field
  }
  newer = []
  put?.dispatchEvent(new Event("change", { bubbles: true }))
})

// The token of a sign-in link stands behind the #, which browsers send to no server. It goes into the form and leaves the
// address.

const linked = document.querySelector("[data-from-fragment]")
if (linked && location.hash.length > 1) {
  linked.value = location.hash.slice(1)
  history.replaceState(null, "", location.pathname)
}
