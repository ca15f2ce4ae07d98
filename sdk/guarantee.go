// Guarantees: what a sink promises of each record, whatever is killed.

package sdk

// Delivery says how often a record is in a sink at the end, when processes were killed on the way.
type Delivery string

// The deliveries, the strongest first.
const (
	// ExactlyOnce: the sink comes back to its last token, so what came later is not there twice.
	ExactlyOnce Delivery = "exactly once"
	// OncePerKey: a record that comes again replaces the one of the same key. Who reads while a run is unfinished may
	// see records that no commit stands for yet.
	OncePerKey Delivery = "once per key"
	// AtLeastOnce: what came since the last commit comes again.
	AtLeastOnce Delivery = "at least once"
)

// Guarantee is what a sink promises with its settings.
type Guarantee struct {
	Delivery Delivery `json:"delivery"`
	Why      string   `json:"why"` // by which means, or what stands against more: half a sentence for people
}

// Guarantor is implemented by a sink that says itself what it guarantees. Any other promises [ExactlyOnce] if it
// is an [Opener], which goes back to its last commit, and [AtLeastOnce] if it is none.
type Guarantor interface {
	// Guarantee may be called at any time. Only an [Opener] can give [ExactlyOnce].
	Guarantee() Guarantee
}
