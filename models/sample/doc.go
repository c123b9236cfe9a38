// Package sample makes the first administrator, and the sample company that newcomers look at: catalogues, profiles,
// users and what they used, reported as a gateway does.
package sample
