// Guarantees: what a sink promises of each record, whatever is killed.

package sdk

// Delivery says how often a record arrives in a sink if processes are killed.
type Delivery string

// The deliveries, the strongest first.
const (
	// ExactlyOnce: the sink goes back to its last token, so no record is there twice.
	ExactlyOnce Delivery = "exactly once"
	// OncePerKey: a record that comes again replaces the one with the same key. While a run is
	// unfinished, readers may see records that are not committed yet.
	OncePerKey Delivery = "once per key"
	// AtLeastOnce: records since the last commit come again.
	AtLeastOnce Delivery = "at least once"
)

// Guarantee is what a sink promises with its settings.
type Guarantee struct {
	Delivery Delivery `json:"delivery"`
	Why      string   `json:"why"` // by which means, or what stands against more: half a sentence for people
}

// Guarantor is implemented by a sink that states its guarantee. Any other sink promises
// [ExactlyOnce] if it is an [Opener], which goes back to its last commit, and [AtLeastOnce]
// otherwise.
type Guarantor interface {
	// Guarantee may be called at any time. Only an [Opener] can give [ExactlyOnce].
	Guarantee() Guarantee
}
