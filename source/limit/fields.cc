#include "source/limit/fields.h"

#include <algorithm>
#include <charconv>

namespace pillion::limit {
namespace {

// What an Integer of RFC 8941 holds at most.
constexpr uint64_t kMostInteger = 999'999'999'999'999;

uint64_t Seconds(base::Duration time) {
  return static_cast<uint64_t>(time.count() / 1'000'000'000 + (time.count() % 1'000'000'000 != 0));
}

class Text {
 public:
  explicit Text(std::span<char> memory) : memory_(memory) {}

  void Add(char c) {
    if (size_ < memory_.size()) memory_[size_] = c;
    ++size_;
  }
  void Add(std::string_view text) {
    for (const char c : text) Add(c);
  }
  void Add(uint64_t number) {
    char digits[20];
    Add(std::string_view(digits, std::to_chars(digits, digits + sizeof digits, std::min(number, kMostInteger)).ptr));
  }

  // An item of a list: a limit's stage.
  void AddItem(std::string_view name, std::string_view stage) {
    if (size_ > 0) Add(", ");
    Add('"');
    for (const char c : name) {
      if (c == '"' || c == '\\') Add('\\');
      Add(c >= ' ' && c <= '~' ? c : '_');
    }
    Add(stage);
    Add('"');
  }
  void AddParameter(std::string_view name, uint64_t value) {
    Add(';');
    Add(name);
    Add('=');
    Add(value);
  }

  std::string_view Whole() const { return {memory_.data(), size_ <= memory_.size() ? size_ : 0}; }

 private:
  const std::span<char> memory_;
  size_t size_ = 0;  // also of what did not fit
};

}  // namespace

std::string_view WriteRetryAfter(const Decision& decision, std::span<char> memory) {
  if (decision.retry_after == Decision::kNever) return {};
  Text text(memory);
  text.Add(Seconds(decision.retry_after));
  return text.Whole();
}

std::string_view WriteRateLimitPolicy(std::string_view name, const Policy& policy, std::span<char> memory, Unit unit) {
  Text text(memory);
  const auto add_unit = [&] {
    if (unit == Unit::kContentBytes) text.Add(R"(;qu="content-bytes")");
  };
  const bool both = policy.window() && policy.bucket();
  if (policy.window()) {
    text.AddItem(name, both ? ".window" : "");
    text.AddParameter("q", policy.window()->terms().limit);
    add_unit();
    text.AddParameter("w", Seconds(policy.window()->terms().length));
  }
  if (policy.bucket()) {
    text.AddItem(name, both ? ".bucket" : "");
    text.AddParameter("q", policy.bucket()->terms().burst);
    add_unit();
    text.AddParameter("w", Seconds(policy.bucket()->time_to_fill()));
  }
  return text.Whole();
}

std::string_view WriteRateLimit(std::string_view name, const Decision& decision, std::span<char> memory) {
  Text text(memory);
  const bool both = decision.window.limit != 0 && decision.bucket.limit != 0;
  const base::Duration latest = decision.allowed() ? base::Duration::max() : decision.retry_after;
  const auto add = [&](const Figures& figures, std::string_view stage) {
    if (figures.limit == 0) return;
    text.AddItem(name, both ? stage : "");
    text.AddParameter("r", figures.remaining);
    text.AddParameter("t", Seconds(std::min(figures.reset, latest)));
  };
  add(decision.window, ".window");
  add(decision.bucket, ".bucket");
  return text.Whole();
}

}  // namespace pillion::limit
