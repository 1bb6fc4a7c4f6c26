// How late things are done here: timers behind their deadline, packets behind their arrival. Pure;
// the reactor has one and feeds it.
#pragma once

#include "core/time.hpp"

namespace usher {

class LagMeter {
 public:
  // The average forgets within about half a second; a time without samples counts as one without
  // lag. The worst is that of the last 30 to 60 seconds.
  struct View {
    Duration average{}, worst{};
  };

  // Something was done `late` after its time; less than zero counts as zero. `now` never goes back.
  void note(Instant now, Duration late);
  View read(Instant now) const;

 private:
  void move_to(Instant now);

  Instant window_{}, period_{};  // their starts
  Duration in_window_{};         // the worst
  Duration average_{};           // moves a quarter of the way with each window
  Duration in_period_{}, before_{};
};

}  // namespace usher
