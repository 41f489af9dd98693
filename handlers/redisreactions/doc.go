// Package redisreactions keeps on Redis what reactions need: how far each has
// come, the messages that they could not cope with, and the topics that they
// fill.
//
// All keys lie in the partition's slot. Losing one of them loses no history: a
// topic whose cursor is gone goes on behind its last message, any other reaction
// begins as a new one does.
package redisreactions
