// Says that a graph has come to its end, to a thread that sleeps until then.
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "kernel.h"

namespace {

std::mutex mutex;
std::condition_variable changed;
Index announcements = 0;

}  // namespace

// Any tensors -> how many announcements there have been (1), once all of them are there
KERNEL(announce) {
  const std::lock_guard<std::mutex> lock(mutex);
  *tensor(data, count - 1) = static_cast<float>(++announcements);
  changed.notify_all();
  return 0;
}

extern "C" Index announced() {
  const std::lock_guard<std::mutex> lock(mutex);
  return announcements;
}

// Sleeps until there are more than `before`, or that many seconds; says which.
extern "C" int wait_beyond(Index before, double seconds) {
  std::unique_lock<std::mutex> lock(mutex);
  return changed.wait_for(lock, std::chrono::duration<double>(seconds),
                          [&] { return announcements > before; });
}
