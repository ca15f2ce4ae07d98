/* A model of seats: one run, two coordinators, two workers, two seats, two splits. See doc.go.

   A process sits down on a seat that is free or whose lease has run out, opens the sink with the seat's
   token, frees what the seat held, claims splits, writes, commits, leaves. It may be stopped once at any
   moment, and be woken later or be dead. A coordinator begins the run (and fences all holders), waits until
   all splits are read and all seats are settled, tells the sink, and ends the run in the store; another
   may begin in its place at any moment.

   Property: when the sink is told, and when the run has ended, each record is in the sink exactly once, and
   stays so whatever those who wake up do afterwards. No sink is told of the end of a run that has ended.

   spin -a [-DVARIANT] seats.pml
   gcc -O2 -DSAFETY -DCOLLAPSE -DVECTORSZ=4096 -o pan pan.c && ./pan -m1000000 -E

   As the code does it: the whole space of 42.5 million states, no error (5 minutes, 3 GiB). Each of these is found out:
     -DNOFENCE           the sink takes writes of any epoch
     -DNOEPOCH           the store commits for any epoch
     -DEARLY -DNOSETTLE  splits are freed before the sink is open, and the run ends beside unsettled seats
     -DNOHOLD            a coordinator that was followed by another tells the sink
   Bounds: three sittings, one stop or death. Not in it: transforms, several sinks, lost replies. The test
   TestSimulation has these.
*/

#define S 2          /* seats */
#define K 2          /* splits */
#ifndef R
#define R 1
#endif
#define NONE 9

/* store: the truth */
byte epoch[S];            /* of the newest holder */
bool lease[S];            /* somebody holds it, as far as the store knows */
bool settled[S] = true;   /* nothing of it is uncommitted */
byte cursor[K];           /* records committed */
byte held[K] = NONE;      /* seat that holds the split */
bool finished;
byte coordinator;         /* epoch of the newest; 0: none has begun */

/* the sink's end of the run */
bool told;

/* sink: what is there */
byte there[K*R];          /* copies of each record */
byte tail[S*K*R];         /* copies that came since the seat's token, by seat */
byte sinkEpoch[S];        /* newest epoch the seat was opened with */

#if R == 1
#define ONCE (there[0] == 1 && there[1] == 1)
#else
#define ONCE (there[0] == 1 && there[1] == 1 && there[2] == 1 && there[3] == 1)
#endif
#ifdef NOSETTLE
#define SETTLED true
#else
#define SETTLED (settled[0] && settled[1])
#endif
#define T(s,k,r) tail[(s)*K*R + (k)*R + (r)]
#define REC(k,r) there[(k)*R + (r)]

byte crashes;             /* bound */

inline takeBack(s) {      /* the sink goes back to the seat's token */
  d_step {
    byte i_ = 0;
    do
    :: i_ < K*R -> there[i_] = there[i_] - tail[(s)*K*R + i_]; tail[(s)*K*R + i_] = 0; i_++
    :: else -> break
    od;
    i_ = 0
  }
}

proctype Worker(byte me) {
  byte s = NONE, e, k, at, got, tries;
  bool gone = false;
again:
  if :: tries < 2 - me -> tries++ :: else -> goto end fi;   /* bounds the search */
  s = NONE; k = NONE; got = 0;
  atomic {                 /* Join: sit down on a free seat, or on one whose lease ran out */
    if
    :: coordinator > 0 && !lease[0] && !finished -> s = 0
    :: coordinator > 0 && !lease[1] && !finished -> s = 1
    :: finished -> goto end
    fi;
    lease[s] = true; settled[s] = false; epoch[s]++; e = epoch[s]
  }
#ifdef EARLY
  atomic { k = 0; do :: k < K -> if :: held[k] == s && epoch[s] == e -> held[k] = NONE :: else fi; k++ :: else -> break od; k = NONE }
#endif
  atomic {                 /* Open the sink with the token: refuses an older epoch, takes back the tail */
    if
    :: e >= sinkEpoch[s] -> sinkEpoch[s] = e; takeBack(s)
    :: else -> goto lost
    fi
  }
  atomic {                 /* only now what the seat held is free again */
    if
    :: epoch[s] == e -> k = 0; do :: k < K -> if :: held[k] == s -> held[k] = NONE :: else fi; k++ :: else -> break od; k = NONE
    :: else -> goto lost
    fi
  }
work:
  do
  :: atomic {              /* Claim */
       k == NONE && epoch[s] == e ->
       if
       :: held[0] == NONE && cursor[0] < R -> k = 0
       :: held[1] == NONE && cursor[1] < R -> k = 1
       :: else -> goto leave
       fi;
       held[k] = s; at = cursor[k]; got = 0
     }
  :: k == NONE && epoch[s] != e -> goto lost
  :: k != NONE && at + got < R ->       /* read a record, write it to the sink */
     atomic {
       if
#ifdef NOFENCE
       :: true -> REC(k, at + got)++; T(s, k, at + got)++; got++
#else
       :: e == sinkEpoch[s] -> REC(k, at + got)++; T(s, k, at + got)++; got++
       :: else -> goto lost
#endif
       fi
     }
  :: k != NONE && got > 0 ->            /* sink durable (same state), then the store: cursors and token in one transaction */
     atomic {
       if
#ifdef NOEPOCH
       :: true ->
#else
       :: epoch[s] == e ->
#endif
          cursor[k] = at + got;
          byte j = 0; do :: j < K*R -> tail[s*K*R + j] = 0; j++ :: else -> break od; j = 0;
          at = cursor[k]; got = 0;
          if :: at == R -> held[k] = NONE; k = NONE :: else fi
#ifndef NOEPOCH
       :: else -> goto lost
#endif
       fi
     }
  :: crashes > 0 && k != NONE -> atomic { crashes--; if :: gone = true :: skip fi; lease[s] = false }  /* stopped: its lease runs out; dead, or woken later */
     if :: gone -> goto end :: else fi
  od;
leave:
  atomic {
    if
    :: epoch[s] == e -> lease[s] = false; settled[s] = true
    :: else
    fi
  }
  goto end;
lost:
  goto again;
end: skip
}

/* Begin, wait, tell the sink, end the run. Each may be stopped anywhere: another begins in its place then. */
proctype Coordinator() {
  byte me;
  atomic {                 /* Begin: fences the one before, and every holder */
    if
    :: finished -> goto end
    :: else
    fi;
    coordinator++; me = coordinator;
    epoch[0]++; epoch[1]++; lease[0] = false; lease[1] = false
  }
  atomic {
    if
    :: coordinator != me -> goto end
    :: cursor[0] == R && cursor[1] == R && SETTLED
    fi
  }
  atomic {                 /* Hold, and Finish of the sink: it may come again, and does nothing twice */
    if
#ifndef NOHOLD
    :: coordinator != me -> goto end
    :: else ->
#else
    :: true ->
#endif
      assert(ONCE); assert(!finished); told = true
    fi
  }
  atomic {                 /* Finish of the store */
    if
    :: coordinator != me -> goto end
    :: coordinator == me && SETTLED -> assert(told && ONCE); finished = true; epoch[0]++; epoch[1]++
    fi
  }
end: skip
}

/* after the end zombies may still run: the sink must stay as it is */
proctype Watch() {
  atomic { finished && !(ONCE) -> assert(false) }
}

init {
  atomic { crashes = 1; run Worker(0); run Worker(1); run Coordinator(); run Coordinator(); run Watch() }
}
