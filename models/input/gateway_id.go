package input

import (
	"crypto/sha256"

	"github.com/google/uuid"
)

// GatewayID is an id that a gateway made for a call or a hold, as it is stored: a UUID as it is, another text as a
// UUID derived from it, with the text beside it.
type GatewayID struct {
	Key  string
	Name *string // nil when Key is what was sent
}

const longestGatewayID = 255

// NewGatewayID is the stored id of a gateway's text.
func NewGatewayID(text string) GatewayID {
	id, err := uuid.Parse(text)
	if err == nil && len(text) == 36 {
		return GatewayID{Key: id.String()}
	}
	sum := sha256.Sum256([]byte(text))
	copy(id[:], sum[:])
	id[6] = id[6]&0x0f | 8<<4 // the version for custom UUIDs
	id[8] = id[8]&0x3f | 0x80
	return GatewayID{id.String(), &text}
}

// IsGatewayID reports whether a text may be the id of an event or a hold: 1 to 255 visible ASCII characters.
func IsGatewayID(text string) bool {
	for i := range len(text) {
		if text[i] <= ' ' || text[i] > '~' {
			return false
		}
	}
	return text != "" && len(text) <= longestGatewayID
}

// GatewayID reads an id as it was sent; "" when it is none.
func (c *Reader) GatewayID(field string, v Value, code string) string {
	if v.Kind != String || !IsGatewayID(v.Text) {
		c.Add(field, code, "Give 1 to 255 visible ASCII characters, such as chatcmpl-9x2 or a UUID.")
		return ""
	}
	return v.Text
}

// EventID reads the id of a usage event.
func (c *Reader) EventID(field string, v Value) string {
	if v.Kind == Absent || v.Kind == Null {
		c.Add(field, "required", "Give each event an id of its own, and send the same one when you repeat it.")
		return ""
	}
	return c.GatewayID(field, v, "invalid_event_id")
}
