// Package setting is what an admin sets for the whole console: the address of the gateway, which users are shown.
package setting
