// Package sample makes the first administrator, and the sample company that newcomers look at: catalogues, profiles,
// users and what they used, stored as a gateway would report it.
package sample
