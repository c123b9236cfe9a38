package database

import (
	"cmp"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// ReadDocument reads stored JSON by the exact names of its members; encoding/json alone takes any case of a name, so
// that a member that is no field could overwrite one. Members that are no field are ignored.
func ReadDocument(document []byte, to any) error {
	return readValue(document, reflect.ValueOf(to).Elem())
}

var unmarshaler, textUnmarshaler = reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[encoding.TextUnmarshaler]()

// readsItself reports whether a type has its own UnmarshalJSON.
func readsItself(t reflect.Type) bool {
	pointer := reflect.PointerTo(t)
	return pointer.Implements(unmarshaler) || pointer.Implements(textUnmarshaler)
}

func readValue(document []byte, to reflect.Value) error {
	switch {
	case readsItself(to.Type()):
	case to.Kind() == reflect.Pointer && string(document) != "null":
		to.Set(reflect.New(to.Type().Elem()))
		return readValue(document, to.Elem())
	case to.Kind() == reflect.Struct && string(document) != "null":
		members := map[string]json.RawMessage{}
		if err := json.Unmarshal(document, &members); err != nil {
			return err
		}
		return readFields(members, to)
	case to.Kind() == reflect.Slice && holdsStructs(to.Type().Elem()):
		return readItems(document, to)
	}
	return json.Unmarshal(document, to.Addr().Interface())
}

func readFields(members map[string]json.RawMessage, to reflect.Value) error {
	for i := range to.NumField() {
		field := to.Type().Field(i)
		tagged, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if field.Anonymous && tagged == "" && field.Type.Kind() == reflect.Struct {
			if err := readFields(members, to.Field(i)); err != nil {
				return err
			}
			continue
		}
		name := cmp.Or(tagged, field.Name)
		value, sent := members[name]
		if tagged == "-" || !sent || !field.IsExported() {
			continue
		}
		if err := readValue(value, to.Field(i)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func readItems(document []byte, to reflect.Value) error {
	var items []json.RawMessage
	if err := json.Unmarshal(document, &items); err != nil {
		return err
	}
	if items == nil {
		to.SetZero()
		return nil
	}
	to.Set(reflect.MakeSlice(to.Type(), len(items), len(items)))
	for i, item := range items {
		if err := readValue(item, to.Index(i)); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

// holdsStructs reports whether a value of a type has members of its own names.
func holdsStructs(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct
}
