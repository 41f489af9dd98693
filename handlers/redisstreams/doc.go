// Package redisstreams is a Watermill Publisher and Subscriber on Redis Streams
// that reads, acknowledges and publishes in batches.
//
// A [Subscriber] takes entries through a consumer group, some hundred at a time,
// and hands them on one by one in the order of the stream: the next message comes
// when the one before it was acknowledged. The acknowledgements of a batch travel
// with the next read. What it promises:
//
//   - Every entry is handled at least once. One that a consumer held who is gone,
//     or whose delivery was lost on the way, is delivered again.
//   - Who is gone is decided on this consumer's own clock: another one has not
//     been heard of for [Config.Silence]. A clock of Redis that jumps takes
//     nothing away from anybody.
//   - A message that was nacked comes again after a pause, and goes to the poison
//     queue when it was delivered [Config.MaxDeliveries] times. An entry that is
//     no message goes there at once. Neither ends the subscription.
//   - The client stays its owner's to close. Close waits for the message that is
//     being handled, and gives the others back to the group.
//
// A [Publisher] sends all messages of a call in one pipeline, and calls that come
// together share one. With a [Fence] it publishes as long as a term lasts.
//
// Entries are written as package streams says:
//
//	sub, err := redisstreams.NewSubscriber(redisstreams.Config{
//		Client: client, Group: "billing", Consumer: "host-1", Poison: queue,
//	})
//	router.AddConsumerHandler("bill", "orders", sub, bill)
package redisstreams
