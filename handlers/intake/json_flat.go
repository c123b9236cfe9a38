package intake

import (
	"reflect"
	"unicode/utf8"

	"tollgate/models/input"
)

// ReadFlat reads an object of scalars straight into an empty input struct, which is all that most calls of gateways
// send. It gives up on everything else, right or wrong, and leaves the struct empty: a Binder then decides.
func ReadFlat[T any](body []byte, in *T) bool {
	r := fastReader{text: string(body)}
	if utf8.Valid(body) && r.flat(reflect.ValueOf(in).Elem()) {
		return true
	}
	var empty T
	*in = empty
	return false
}

// flat reads the whole text into a struct.
func (r *fastReader) flat(target reflect.Value) bool {
	layout := layoutOf(target.Type())
	if r.space(); layout.shape != objectShape || !r.take("{") {
		return false
	}
	target.FieldByIndex(layout.row).Addr().Interface().(*input.Row).Kind = input.Object
	for {
		if !r.field(layout, target) {
			return false
		}
		if r.space(); r.take("}") {
			break
		}
		if !r.take(",") {
			return false
		}
	}
	r.space()
	return r.next == len(r.text)
}

// field reads one member, which has to be a scalar that was not sent before.
func (r *fastReader) field(l *layout, target reflect.Value) bool {
	r.space()
	name, ok := r.quoted()
	at, known := l.members[name]
	if !ok || !known || at.rule != "" {
		return false
	}
	to, ok := target.FieldByIndex(at.index).Addr().Interface().(*input.Value)
	if !ok || to.Kind != input.Absent {
		return false
	}
	if r.space(); !r.take(":") {
		return false
	}
	var n Node
	if r.space(); !r.value(&n, 0) {
		return false
	}
	to.Kind, to.Text = n.Kind, n.Text
	return true
}
