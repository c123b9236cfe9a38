package importer

import (
	"fmt"
	"regexp"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// ForeignKey is a virtual key of a file.
type ForeignKey struct {
	Place    configfile.Place
	Name     string // also that of its profile
	Value    string // in clear, or "env.NAME" for a variable of the environment
	Inactive bool
}

// BifrostKeys reads the virtual keys of a config.json that have a value.
func BifrostKeys(file string, content []byte) ([]ForeignKey, error) {
	root, err := parseOf("Bifrost", file, content)
	if err != nil {
		return nil, err
	}
	governance, _ := root.Get("governance")
	rows, _ := governance.Get("virtual_keys")
	var keys []ForeignKey
	for _, row := range rows.Items {
		name, _ := row.Get("name")
		value := valueOf(row)
		if value.Kind == input.String && value.Text != "" {
			value.Place.File = file
			keys = append(keys, ForeignKey{value.Place, name.Text, value.Text, isOff(row)})
		}
	}
	return keys, nil
}

// valueOf is the value of a key at the place of its name.
func valueOf(key configfile.Node) configfile.Node {
	for _, m := range key.Members {
		if m.Name == "value" {
			return at(m)
		}
	}
	return configfile.Node{}
}

func isOff(key configfile.Node) bool {
	on, _ := key.Get("is_active")
	return on.Kind == input.Bool && on.Text == "false"
}

var notInAddresses = regexp.MustCompile(`[^a-z0-9]+`)

// holder notes who is to hold the profile of a key, and what becomes of its value.
func (b *bifrost) holder(n configfile.Node, path, name string) {
	value := valueOf(n)
	becomes := "the key " + name + " becomes a profile: "
	switch {
	case !b.Holders || value.Kind != input.String || value.Text == "" || isOff(n):
		b.note(Changed, n, path, becomes+"give it to the user who holds the key, who gets a new one")
		if value.Kind != input.Absent {
			b.note(Secret, value, join(path, "value"), "it is in no file here")
		}
	default:
		address := b.addressFor(name)
		b.Users = append(b.Users, object("kind", text("user"), "email", text(address), "name", text(name),
			"access_profiles", list(text(name))))
		b.note(Changed, n, path, becomes+address+" holds it: write the address of the user who holds the key")
		b.note(Secret, value, join(path, "value"), "it is in no file here: adopt it with "+
			"tollgate import adopt-keys once the documents are applied")
	}
}

// addressFor is an address that reaches no user; the user's own is to be written in its place.
func (b *bifrost) addressFor(name string) string {
	local := strings.Trim(notInAddresses.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if local == "" {
		local = "key"
	}
	address := local + "@bifrost.invalid"
	for n := 2; b.addresses[address]; n++ {
		address = fmt.Sprint(local, "-", n, "@bifrost.invalid")
	}
	b.addresses[address] = true
	return address
}
