#include "source/access/engine.h"

#include <atomic>

namespace pillion::access {
namespace {

// Blanks would divide a log's fields.
std::string DetailsText(std::string_view name) {
  std::string text = "rbac_access_denied_matched_policy[";
  for (const char c : name) text += std::string_view(" \t\n\v\f\r").find(c) == std::string_view::npos ? c : '_';
  return text + "]";
}

uint64_t NextId() {
  static std::atomic<uint64_t> next = 1;
  return next.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace

Engine::Engine() : id_(NextId()) {}

std::string_view Engine::NameOf(const Decision& decision) const {
  return decision.rule == Decision::kNoRule ? std::string_view() : rules_[decision.rule].name;
}

std::string_view Engine::DetailsOf(const Decision& decision) const {
  return decision.rule == Decision::kNoRule ? "rbac_access_denied_matched_policy[none]"
                                            : std::string_view(rules_[decision.rule].details);
}

uint32_t Engine::AddRule(std::string name, bool allows) {
  std::string details = DetailsText(name);
  rules_.push_back({std::move(name), allows, std::move(details)});
  return static_cast<uint32_t>(rules_.size() - 1);
}

}  // namespace pillion::access
