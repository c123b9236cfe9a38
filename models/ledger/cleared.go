package ledger

// ClearedWith is in SQL what is cleared of a counter w once c.more is added to what it used, to correct an event that
// was received at c.received_at. What an operator cleared is no longer shown, and neither is a correction of it; all
// else that is corrected was used since. Without the time of the clearing only the counter's bounds are kept.
const ClearedWith = `least(w.used + c.more,
    greatest(0, w.cleared + CASE WHEN c.received_at < w.cleared_at THEN c.more ELSE 0 END))`
