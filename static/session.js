// A session that ends while somebody works: a warning two minutes before, and signing in over the page. The element
// with data-session says how many seconds the session lasts without a request, and data-session-most at most.

const frame = document.querySelector("[data-session]")
const dialog = document.getElementById("sign-in-again")
const warning = document.getElementById("session-warning")
const warnedFor = 120_000

let lasting = 0 // milliseconds without a request
let over = 0 // when it ends in any case
let waiting = [] // what is carried on with after signing in
let timer

if (frame) begin(Number(frame.dataset.session), Number(frame.dataset.sessionMost))

// begin counts from a request that was just answered.
function begin(seconds, most) {
  lasting = seconds * 1000
  over = Date.now() + most * 1000
  noteRequest()
}

// Any tab of this browser keeps the session; each notes when it did.
const stamp = "session-used"

function noteRequest() {
  try {
    localStorage.setItem(stamp, String(Date.now()))
  } catch {
    // Then each tab counts for itself.
  }
  used = Date.now()
  watch()
}

var used = Date.now()

function ends() {
  let latest = used
  try {
    latest = Math.max(latest, Number(localStorage.getItem(stamp)))
  } catch {
    // As above.
  }
  return Math.min(latest + lasting, over)
}

function watch() {
  clearTimeout(timer)
  const left = ends() - Date.now()
  warning.hidden = left > warnedFor || left <= 0
  if (left > 0) timer = setTimeout(watch, left > warnedFor ? Math.min(left - warnedFor, 2 ** 30) : left)
  else ask()
}

document.addEventListener("visibilitychange", () => frame && !document.hidden && watch())

// Staying is a request like any other.
document.addEventListener("click", async (event) => {
  if (!event.target.closest("[data-stay]")) return
  if (ends() === over) return ask() // it cannot be extended
  const answer = await fetch("/session", { method: "POST", headers: { "HX-Request": "true" } }).catch(() => null)
  if (answer?.ok) noteRequest()
  else if (answer?.status === 401) ask()
})

// ask opens the dialog over what is being done.
function ask() {
  warning.hidden = true
  if (dialog.open) return
  dialog.showModal()
}

document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
  if (!frame) return
  if (ctx.response.status !== 401) return noteRequest()
  if (ctx.request.method !== "GET") waiting = [() => document.dispatchEvent(new CustomEvent("tollgate:retry", { detail: ctx }))]
  ask()
})

// A form that is sent without htmx would lead away from what was typed.
document.addEventListener("submit", (event) => {
  const form = event.target
  if (!frame || form.method !== "post" || form === dialog.querySelector("form") || ends() > Date.now()) return
  event.preventDefault()
  event.stopImmediatePropagation()
  const { submitter } = event
  waiting = [() => form.requestSubmit(submitter)]
  ask()
}, true)

dialog?.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault()
  event.stopImmediatePropagation()
  const form = event.target
  const said = form.querySelector("[role=alert]")
  said.textContent = ""
  const answer = await fetch(form.action, {
    method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "HX-Request": "true" },
  }).catch(() => null)
  if (!answer?.ok) {
    const page = answer && new DOMParser().parseFromString(await answer.text(), "text/html")
    said.textContent = page?.querySelector("[data-problem-summary] li, .error-message")?.textContent.trim() ?? "The console did not answer. Try again."
    form.elements.password.select()
    return
  }
  form.reset()
  dialog.close()
  begin(Number(frame.dataset.session), Number(frame.dataset.sessionFull))
  const next = waiting
  waiting = []
  for (const carryOn of next) carryOn()
}, true)
