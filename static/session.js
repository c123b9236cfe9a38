// A session that ends while a page is open: a warning two minutes before, and signing in over the page. The body says
// in seconds how long a session lasts without a request, how long this one may last yet, and how long a new one may.

const frame = document.body.dataset
const dialog = document.getElementById("sign-in-again")
const warning = document.getElementById("session-warning")
const warnedFor = 120_000
const stamp = "session-used" // when any tab of this browser last made a request

let used = 0
let over = 0 // ends the session in any case
let waiting = null // is carried on with after signing in
let timer

// begin counts anew: a request was answered, and the session may last so many seconds in all.
function begin(most) {
  over = Date.now() + most * 1000
  noteRequest()
}

function noteRequest() {
  used = Date.now()
  try {
    localStorage.setItem(stamp, String(used))
  } catch {
    // Then each tab counts for itself.
  }
  watch()
}

function ends() {
  let latest = used
  try {
    latest = Math.max(used, Number(localStorage.getItem(stamp)))
  } catch {
    // As above.
  }
  return Math.min(latest + frame.session * 1000, over)
}

function watch() {
  clearTimeout(timer)
  const left = ends() - Date.now()
  warning.hidden = left > warnedFor || left <= 0
  if (left <= 0) return ask()
  timer = setTimeout(watch, left > warnedFor ? left - warnedFor : left)
}

function ask() {
  warning.hidden = true
  if (!dialog.open) dialog.showModal()
}

// stay extends the session, as any request does. One that has lasted as long as it may begins anew.
async function stay() {
  if (ends() === over) return ask()
  const answer = await post("/session", "")
  if (answer?.ok) noteRequest()
  else if (answer?.status === 401) ask()
}

const post = (address, body) =>
  fetch(address, { method: "POST", body, headers: { "HX-Request": "true", "Content-Type": "application/x-www-form-urlencoded" } }).catch(() => null)

async function signIn(form) {
  const said = form.querySelector("[role=alert]")
  said.textContent = ""
  const answer = await post(form.action, new URLSearchParams(new FormData(form)).toString())
  if (!answer?.ok) {
    const page = new DOMParser().parseFromString((await answer?.text()) ?? "", "text/html")
    const problem = page.querySelector("[data-problem-summary] li, .error-message")
    said.textContent = problem?.textContent.trim() ?? "The console did not answer. Try again."
    form.elements.password.select()
    return
  }
  form.reset()
  dialog.close()
  begin(frame.sessionMost)
  const carryOn = waiting
  waiting = null
  carryOn?.()
}

if (frame.session) {
  begin(frame.sessionLeft)
  document.addEventListener("visibilitychange", () => !document.hidden && watch())
  document.addEventListener("click", (event) => event.target.closest("[data-stay]") && stay())

  document.addEventListener("htmx:after:request", ({ detail: { ctx } }) => {
    if (ctx.response.status !== 401) return noteRequest()
    delete ctx.hx.redirect
    if (ctx.request.method !== "GET") waiting = () => document.dispatchEvent(new CustomEvent("tollgate:retry", { detail: ctx }))
    ask()
  })

  // A form that is sent without htmx would lead away from what was typed.
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event
    const again = dialog.contains(form)
    if (!again && (form.method !== "post" || ends() > Date.now() || form.matches('[action="/logout"]'))) return
    event.preventDefault()
    event.stopImmediatePropagation()
    if (again) return signIn(form)
    waiting = () => form.requestSubmit(submitter)
    ask()
  }, true)
}
