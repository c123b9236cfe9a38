package decision

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"

	"tollgate/models/money"
)

// AppendJSON writes what [json.Marshal] would, in a fraction of the time: gateways ask before every call.
func (d Decision) AppendJSON(to []byte) []byte {
	to = append(to, `{"decision":`...)
	to = strconv.AppendBool(to, d.Decision)
	to = append(to, `,"type":`...)
	to = appendText(to, d.Type)
	to = append(to, `,"status_code":`...)
	to = strconv.AppendInt(to, int64(d.StatusCode), 10)
	to = append(to, `,"message":`...)
	to = appendText(to, d.Message)
	to = append(to, `,"payer":`...)
	to = d.Payer.appendJSON(to)
	to = append(to, `,"limits":[`...)
	for i, l := range d.Limits {
		if i > 0 {
			to = append(to, ',')
		}
		to = l.appendJSON(to)
	}
	to = append(to, ']')
	to = d.appendWho(to)
	if d.ReservationID != nil {
		to = append(to, `,"reservation_id":`...)
		to = appendText(to, *d.ReservationID)
	}
	if d.RetryAfter != nil {
		to = append(to, `,"retry_after_s":`...)
		to = strconv.AppendInt(to, *d.RetryAfter, 10)
	}
	if d.Grace {
		to = append(to, `,"grace":true`...)
	}
	if d.NeverFits {
		to = append(to, `,"never_fits":true`...)
	}
	if len(d.RefusedBy) > 0 {
		to = append(to, `,"refused_by":[`...)
		for i, l := range d.RefusedBy {
			if i > 0 {
				to = append(to, ',')
			}
			to = l.appendJSON(to)
		}
		to = append(to, ']')
	}
	return append(to, '}')
}

func (l RefusedLimit) appendJSON(to []byte) []byte {
	to = appendID(append(to, `{"line_id":"`...), l.ID)
	to = appendText(append(to, `","scope":`...), l.Scope.String())
	to = appendText(append(to, `,"kind":`...), l.Kind)
	to = appendText(append(to, `,"reset_duration":`...), l.ResetDuration)
	to = l.Limit.appendJSON(append(to, `,"limit":`...))
	to = l.Used.appendJSON(append(to, `,"used":`...))
	to = l.Reserved.appendJSON(append(to, `,"reserved":`...))
	to = l.Asked.appendJSON(append(to, `,"asked":`...))
	to = l.ResetsAt.AppendFormat(append(to, `,"resets_at":"`...), time.RFC3339Nano)
	to = appendText(append(to, `","reason":`...), l.Reason)
	return append(to, '}')
}

// appendWho writes the subject and the model.
func (d Decision) appendWho(to []byte) []byte {
	for _, field := range [...]struct {
		name string
		id   uuid.UUID
	}{{`,"user_id":"`, d.UserID}, {`,"virtual_key_id":"`, d.VirtualKeyID}} {
		if field.id != uuid.Nil {
			to = appendID(append(to, field.name...), field.id)
			to = append(to, '"')
		}
	}
	if d.AccessProfileID != 0 {
		to = strconv.AppendInt(append(to, `,"access_profile_id":`...), d.AccessProfileID, 10)
	}
	if d.Provider != "" {
		to = appendText(append(to, `,"provider":`...), d.Provider)
	}
	if d.Model != "" {
		to = appendText(append(to, `,"model":`...), d.Model)
	}
	return to
}

// appendID writes an id in its usual form.
func appendID(to []byte, id uuid.UUID) []byte {
	for i, part := range [...][]byte{id[:4], id[4:6], id[6:8], id[8:10], id[10:]} {
		if i > 0 {
			to = append(to, '-')
		}
		to = hex.AppendEncode(to, part)
	}
	return to
}

func (p *Payer) appendJSON(to []byte) []byte {
	if p == nil {
		return append(to, "null"...)
	}
	to = append(to, `{"id":`...)
	to = strconv.AppendInt(to, p.CopyID, 10)
	to = append(to, `,"access_profile_id":`...)
	to = strconv.AppendInt(to, p.AccessProfileID, 10)
	to = append(to, `,"name":`...)
	return append(appendText(to, p.Name), '}')
}

func (l DecidedLimit) appendJSON(to []byte) []byte {
	to = append(to, `{"scope":`...)
	to = appendText(to, l.Scope.String())
	to = append(to, `,"kind":`...)
	to = appendText(to, l.Kind)
	to = append(to, `,"used":`...)
	to = l.Used.appendJSON(to)
	to = append(to, `,"reserved":`...)
	to = l.Reserved.appendJSON(to)
	to = append(to, `,"limit":`...)
	to = l.Limit.appendJSON(to)
	to = append(to, `,"window_ends_at":"`...)
	to = l.WindowEndsAt.AppendFormat(to, time.RFC3339Nano)
	return append(to, `"}`...)
}

func (a Amount) appendJSON(to []byte) []byte {
	if a.Spend {
		return money.Money(a.N).AppendJSON(to)
	}
	return strconv.AppendInt(to, a.N, 10)
}

// appendText writes a string. What needs care is left to the general encoder.
func appendText(to []byte, text string) []byte {
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&':
			encoded, _ := json.Marshal(text) // text always encodes
			return append(to, encoded...)
		}
	}
	to = append(to, '"')
	to = append(to, text...)
	return append(to, '"')
}
