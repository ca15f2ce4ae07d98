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

// Guarantor is implemented by a sink that says itself what it guarantees. Of any other the host takes what follows from
// its methods: see [GuaranteeOf].
type Guarantor interface {
	// Guarantee may be called at any time. Only an [Opener] can give [ExactlyOnce].
	Guarantee() Guarantee
}

// GuaranteeOf returns what a sink guarantees. One that is an [Opener] owes its token to the record; one that is none
// cannot take back what it wrote.
func GuaranteeOf(s Sink) Guarantee {
	if g, ok := s.(Guarantor); ok {
		return g.Guarantee()
	}
	return UnsaidGuarantee(AbilitiesOf(s).Open != nil)
}

// UnsaidGuarantee is what a sink guarantees that says nothing itself, and is an [Opener] or none.
func UnsaidGuarantee(opens bool) Guarantee {
	if opens {
		return Guarantee{ExactlyOnce, "it goes back to its last commit before a run goes on"}
	}
	return Guarantee{AtLeastOnce, "it cannot take back what came after its last commit"}
}
