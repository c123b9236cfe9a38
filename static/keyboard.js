// Keyboard shortcuts. The help is their table: an entry names what is typed in data-keys, such as "g u" or "Ctrl+k",
// and what it does in data-act.

const acts = { press, find, save, "row-next": () => moveRow(1), "row-previous": () => moveRow(-1), "row-select": selectRow }

let first = "" // of a sequence, and when it was typed
let firstAt = -Infinity

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.altKey || ["Shift", "Control", "Meta", "Alt", "CapsLock"].includes(event.key)) return
  const command = event.ctrlKey || event.metaKey
  if (!command && event.target.closest?.("input, textarea, select, [contenteditable]")) return
  if (document.querySelector("dialog:modal")) return
  const key = (command ? "Ctrl+" : "") + (event.key.length === 1 ? event.key.toLowerCase() : event.key)
  // When the keys were pressed counts, not when a busy page gets to hear of it. A key between them changes nothing.
  const second = first && event.timeStamp - firstAt < 1500
  if ((second && run(`${first} ${key}`)) || run(key)) {
    event.preventDefault()
    first = ""
  } else if (entries().some((entry) => entry.dataset.keys.startsWith(`${key} `))) {
    first = key
    firstAt = event.timeStamp
  }
})

const entries = () => [...document.querySelectorAll("#shortcuts [data-keys]")]

// run does what the keys stand for, and reports whether they stand for anything here.
function run(keys) {
  const entry = entries().find((one) => one.dataset.keys === keys)
  return Boolean(entry && acts[entry.dataset.act]?.(keys))
}

// press follows, presses, opens or focuses the element of the keys; the filter of a list comes before the search.
function press(keys) {
  const selector = `[data-key="${CSS.escape(keys)}"]`
  const target = document.querySelector(`main ${selector}`) ?? document.querySelector(selector)
  if (target instanceof HTMLDialogElement) target.showModal()
  else if (target?.matches("input")) focusInput(target)
  else target?.click()
  return Boolean(target)
}

function find() {
  const box = document.getElementById("find")
  if (box) focusInput(box)
  return Boolean(box)
}

function focusInput(input) {
  input.focus()
  input.select()
}

// save presses the first button of the form that has the focus, or of the only one on the page.
function save() {
  const forms = [...document.querySelectorAll("main form[method=post]")]
  const form = document.activeElement.closest("form[method=post]") ?? (forms.length === 1 ? forms[0] : null)
  const button = form?.querySelector("button:not([type]), button[type=submit]")
  button?.click()
  return Boolean(button)
}

const rows = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.offsetParent && handle(row))

const handle = (row) => row.querySelector(".row-name, th a, td a") ?? row.querySelector("summary, button")

function moveRow(step) {
  const all = rows()
  const now = all.indexOf(document.activeElement.closest("tr"))
  const next = all[now < 0 ? 0 : Math.min(Math.max(now + step, 0), all.length - 1)]
  if (!next) return false
  handle(next).focus()
  next.scrollIntoView({ block: "nearest" })
  return true
}

function selectRow() {
  const box = document.activeElement.closest("tr")?.querySelector("[data-select-row]")
  box?.click()
  return Boolean(box)
}
