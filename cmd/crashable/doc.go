// Package crashable is where the ends of a program, its store, its inbox, its
// wire, can be exchanged for ones that kill the process at a named point. Only
// programs built with the tag crashpoints do that, and only tests build them.
// In every other build [End] is nothing.
package crashable
