#pragma once

// Whether a source is there, as the log says it: once when it is at first, and when it is again after it was said that it
// is not; nothing of each try. Part of who subscribes; main thread.

#include <string>
#include <utility>

#include "source/xds/log.h"

namespace pillion::xds {

class Contact {
 public:
  // `name`: as the log has it.
  Contact(std::string name, Log::Say info) : name_(std::move(name)), info_(std::move(info)) {}

  // `said`: the log says so.
  void Lost(bool said) { lost_ |= said; }
  void Reached(const std::string& where) {
    const bool back = std::exchange(lost_, false) && known_;
    if (back || !known_) info_(name_ + (back ? ": back, at " : ": reached, at ") + where);
    known_ = true;
  }

 private:
  const std::string name_;
  const Log::Say info_;
  bool known_ = false;
  bool lost_ = false;
};

}  // namespace pillion::xds
