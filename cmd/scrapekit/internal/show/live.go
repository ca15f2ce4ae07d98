// The live view: a few lines in the terminal that are redrawn.

package show

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/scrapekit/scrapekit/core"
	"github.com/scrapekit/scrapekit/core/observe"
)

// drawEvery is the interval of redrawing.
const drawEvery = 150 * time.Millisecond

// shownEvents is the number of latest events below the progress.
const shownEvents = 4

// liveWatcher draws a run. It reads no keys, so Ctrl-C keeps working in the terminal.
type liveWatcher struct {
	a       *Console
	program *tea.Program
	wg      sync.WaitGroup

	mu     sync.Mutex
	events []string
	known  causes
	asked  time.Time // when known.more was last called
}

func (l *liveWatcher) Event(e observe.Event) {
	switch e.(type) {
	case observe.RunStarted, observe.Planned:
		return // part of the progress already
	}
	text := eventText(e)
	if text == "" || l.known.suppress(e) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.show(text)
}

func (l *liveWatcher) Begin(ctx context.Context, r *core.Run) {
	m := &liveModel{l: l, ctx: ctx, run: r, rates: map[string]*rate{}}
	l.program = tea.NewProgram(m, tea.WithInput(nil), tea.WithOutput(bare(l.a.Err)), tea.WithoutSignalHandler())
	l.wg.Go(func() {
		if _, err := l.program.Run(); err != nil {
			fmt.Fprintf(l.a.Err, "the live view is off: %v\n", err)
		}
	})
}

func (l *liveWatcher) End() {
	l.program.Quit()
	l.wg.Wait()
}

func (l *liveWatcher) Report(w io.Writer, r *core.Report) error {
	return l.a.printReport(w, r)
}

// recent returns the latest events, and for each known cause the number of further splits in the
// last seconds.
func (l *liveWatcher) recent() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.asked) >= plainEvery {
		l.asked = time.Now()
		for _, text := range l.known.more() {
			l.show(text)
		}
	}
	return slices.Clone(l.events)
}

// show adds an event. The caller holds l.mu.
func (l *liveWatcher) show(text string) {
	l.events = append(l.events, time.Now().Format("15:04:05 ")+text)
	if n := len(l.events); n > shownEvents {
		l.events = slices.Clone(l.events[n-shownEvents:])
	}
}

// liveModel is the model of the drawing.
type liveModel struct {
	l      *liveWatcher
	ctx    context.Context
	run    *core.Run
	rates  map[string]*rate
	width  int
	height int
	frame  int
}

type drawMsg struct{}

func draw() tea.Cmd {
	return tea.Tick(drawEvery, func(time.Time) tea.Msg { return drawMsg{} })
}

// Init starts the timer.
func (m *liveModel) Init() tea.Cmd { return draw() }

// Update handles the terminal's size and the timer.
func (m *liveModel) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case drawMsg:
		m.frame++
		return m, draw()
	}
	return m, nil
}

// View draws the current state.
func (m *liveModel) View() tea.View {
	s := m.run.Status()
	for _, st := range s.Streams {
		if m.rates[st.Stream] == nil {
			m.rates[st.Stream] = &rate{}
		}
		m.rates[st.Stream].note(time.Now(), st.Records)
	}
	v := view{status: s, events: m.l.recent(), stopping: m.ctx.Err() != nil, width: max(m.width, 60), height: m.height,
		frame: m.frame, color: m.l.a.Color}
	v.rate = func(stream string) float64 { return m.rates[stream].perSecond() }
	return tea.NewView(onScreen(v.render(), v.color))
}

// rate is records per second over the last seconds.
type rate struct {
	at []time.Time
	n  []int64
}

const rateWindow = 10 * time.Second

func (r *rate) note(now time.Time, n int64) {
	r.at, r.n = append(r.at, now), append(r.n, n)
	for len(r.at) > 2 && now.Sub(r.at[0]) > rateWindow {
		r.at, r.n = r.at[1:], r.n[1:]
	}
}

func (r *rate) perSecond() float64 {
	last := len(r.at) - 1
	if last < 1 {
		return 0
	}
	seconds := r.at[last].Sub(r.at[0]).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(r.n[last]-r.n[0]) / seconds
}
