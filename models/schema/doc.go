// Package schema brings the database up to the tables that this program knows, and tells whether it has them.
//
// A migration expands or contracts, as its file name says. One that expands only adds, so that consoles of the release
// before go on working beside this one. One that contracts removes what no console uses any more; it is refused while a
// console is seen that does not know it. Each console reports itself in consoles every ten seconds.
package schema
