// The live view: the same few lines, drawn again and again in the terminal.

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

// drawEvery is how often the live view is drawn.
const drawEvery = 150 * time.Millisecond

// shownEvents is how many of the newest events stand below the progress.
const shownEvents = 4

// liveWatcher draws a run. Ctrl-C stays the terminal's: the view reads no keys.
type liveWatcher struct {
	a       *Console
	program *tea.Program
	wg      sync.WaitGroup

	mu     sync.Mutex
	events []string
	known  causes
	asked  time.Time // when known was asked for more
}

func (l *liveWatcher) Event(e observe.Event) {
	switch e.(type) {
	case observe.RunStarted, observe.Planned:
		return // the progress says so
	}
	text := eventText(e)
	if text == "" || l.known.told(e) {
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

// recent returns the newest events; of a cause that was told, how many splits more it has ailed in
// the last seconds.
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

// show adds an event. l.mu is held.
func (l *liveWatcher) show(text string) {
	l.events = append(l.events, time.Now().Format("15:04:05 ")+text)
	if n := len(l.events); n > shownEvents {
		l.events = slices.Clone(l.events[n-shownEvents:])
	}
}

// liveModel is the state of the drawing.
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

// Init starts the clock of the drawing.
func (m *liveModel) Init() tea.Cmd { return draw() }

// Update notes the size of the terminal and the passing of time.
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

// View draws the run as it is now.
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

// rate is records per second over the last seconds, so that it shows what is, not what was.
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
