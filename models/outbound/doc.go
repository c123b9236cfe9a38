// Package outbound says which addresses the console may call by itself, and connects to no others.
package outbound
