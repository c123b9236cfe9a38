package views

import (
	"tollgate/models/account"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/plural"
	"tollgate/views/ui"
)

// UserDeactivation says what the deactivation of a user does.
func UserDeactivation(u identity.User, l account.Leaving) []string {
	effects := []string{u.Email + " is signed out everywhere at once and can no longer sign in."}
	if l.VirtualKeys > 0 {
		effects = append(effects, "Gateways refuse their "+plural.Of(l.VirtualKeys, "virtual key")+
			" within a second. Calls under way are still charged.")
	}
	if l.APIKeyCount > 0 {
		effects = append(effects, "Programs are refused that use "+plural.Of(l.APIKeyCount, "API key")+" they made: "+
			keyNames(l.APIKeys, l.APIKeyCount)+".")
	}
	if len(l.ServiceKeys) > 0 {
		effects = append(effects, serviceKeys(l))
	}
	return append(effects, "Profiles, counters and keys stay. Activate them again, and everything is as it was.")
}

// serviceKeys says what becomes of the keys that belong to the console.
func serviceKeys(l account.Leaving) string {
	names := make([]string, len(l.ServiceKeys))
	for i, key := range l.ServiceKeys {
		names[i] = key.Name
	}
	return "Service keys that they made work on: " + ui.Sequence(names) + ". They may know the values, so replace them."
}

// keyNames lists the first keys, and how many more there are.
func keyNames(keys []database.Named, count int64) string {
	names := make([]string, 0, len(keys)+1)
	for _, key := range keys {
		names = append(names, key.Name)
	}
	if more := count - int64(len(names)); more > 0 {
		names = append(names, plural.Count(more)+" more")
	}
	return ui.Sequence(names)
}
