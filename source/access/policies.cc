#include "source/access/policies.h"

#include <algorithm>
#include <array>
#include <span>

namespace pillion::access {
namespace {

// Names of one peer that policies know, beyond which they are all asked one by one.
constexpr size_t kMostLists = 16;

}  // namespace

Policies::Policies(Action action, Conditions conditions, std::vector<Policy> policies)
    : action_(action), conditions_(std::move(conditions)), policies_(std::move(policies)) {
  std::sort(policies_.begin(), policies_.end(), [](const Policy& a, const Policy& b) { return a.name < b.name; });
  for (Policy& policy : policies_) {
    const uint32_t number = AddRule(policy.name, action != Action::kDeny);
    if (policy.only.empty()) of_anybody_.push_back(number);
    for (const std::string& name : policy.only) {
      Numbers& numbers = of_names_[name];
      if (numbers.empty() || numbers.back() != number) numbers.push_back(number);
    }
    policy.only = {};
  }
}

const Policies::Numbers* Policies::OfName(const std::string& name) const {
  const auto found = of_names_.find(name);
  return found == of_names_.end() ? nullptr : &found->second;
}

// What is unclear never opens.
bool Policies::Fits(uint32_t number, const Request& request) const {
  const Truth enough = action_ == Action::kDeny ? Truth::kUnclear : Truth::kYes;
  const Policy& policy = policies_[number];
  return conditions_.Of(policy.principals, request) >= enough && conditions_.Of(policy.permissions, request) >= enough;
}

uint32_t Policies::Find(const Request& request) const {
  std::array<std::span<const uint32_t>, kMostLists> lists;
  size_t count = 0;
  lists[count++] = of_anybody_;
  const std::optional<Peer>& peer = request.connection.peer;
  if (peer && !of_names_.empty()) {
    bool too_many = false;
    const auto add = [&](const std::string& name) {
      const Numbers* const numbers = OfName(name);
      if (numbers == nullptr) return;
      if (count == kMostLists) {
        too_many = true;
      } else {
        lists[count++] = *numbers;
      }
    };
    for (const std::string& name : peer->uris) add(name);
    for (const std::string& name : peer->dns) add(name);
    add(peer->subject);
    if (too_many) {
      for (uint32_t number = 0; number < policies_.size(); ++number) {
        if (Fits(number, request)) return number;
      }
      return Decision::kNoRule;
    }
  }
  // The lists are merged: the lowest number that any of them begins with comes next.
  while (true) {
    uint32_t next = Decision::kNoRule;
    for (size_t i = 0; i < count; ++i) {
      if (!lists[i].empty()) next = std::min(next, lists[i].front());
    }
    if (next == Decision::kNoRule || Fits(next, request)) return next;
    for (size_t i = 0; i < count; ++i) {
      if (!lists[i].empty() && lists[i].front() == next) lists[i] = lists[i].subspan(1);
    }
  }
}

Decision Policies::Decide(const Request& request) const {
  const uint32_t rule = Find(request);
  const bool fits = rule != Decision::kNoRule;
  switch (action_) {
    case Action::kAllow:
      return {.allowed = fits, .rule = rule};
    case Action::kDeny:
      return {.allowed = !fits, .rule = rule};
    case Action::kLog:
      break;
  }
  return {.allowed = true, .rule = rule, .log = fits};
}

}  // namespace pillion::access
