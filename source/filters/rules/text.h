#pragma once

// Texts in a stream's arena: of refusals, details and notes.

#include <string>
#include <string_view>

#include "source/base/arena.h"
#include "source/base/clock.h"
#include "source/base/escape.h"
#include "source/base/number_text.h"

namespace pillion::filters::rules {

class Text {
 public:
  explicit Text(base::Arena& arena) : arena_(arena) {}

  Text& operator<<(std::string_view text) {
    text_.Append(arena_, text);
    return *this;
  }
  Text& operator<<(uint64_t number) { return *this << base::NumberText(number, arena_); }
  // Of what somebody else has chosen.
  Text& Quoted(std::string_view text) {
    std::string shown;
    base::AppendPrintable(shown, base::CutUtf8(text, kMostOfAValue));
    return *this << "\"" << shown << (text.size() > kMostOfAValue ? "...\"" : "\"");
  }

  std::string_view view() const { return text_.view(); }

 private:
  static constexpr size_t kMostOfAValue = 100;

  base::Arena& arena_;
  base::ArenaText text_;
};

// 60s, 1500ms, 20us, 7ns
std::string DurationText(base::Duration time);

}  // namespace pillion::filters::rules
