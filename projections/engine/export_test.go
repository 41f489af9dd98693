package engine

// Waiting returns how many bytes of events wait in memory.
func (e *Engine) Waiting() int {
	e.feed.mu.Lock()
	defer e.feed.mu.Unlock()
	return e.feed.bytes
}
