#include "source/guard/refusals.h"

#include <algorithm>

#include "source/identity/certificate.h"

namespace pillion::guard {
namespace {

constexpr char kRemoval[] = "";

// A length before the name: no other division of the same bytes has the same hash.
std::string HashOf(xds::Kind kind, const std::string& name, std::string_view body) {
  std::string text(xds::NamesOf(kind).type);
  text += " " + std::to_string(name.size()) + " " + name;
  return identity::Sha256Fingerprint(text.append(body));
}

}  // namespace

void Refusals::Add(Key key, std::string reason) {
  const auto [entry, first] = reasons_.insert_or_assign(key, std::move(reason));
  if (!first) return;
  order_.push_back(std::move(key));
  if (order_.size() <= kMost) return;
  reasons_.erase(order_.front());
  order_.pop_front();
}

void Refusals::AddContent(xds::Kind kind, const std::string& name, std::string_view body, std::string reason) {
  Add({kind, name, HashOf(kind, name, body)}, std::move(reason));
}

void Refusals::AddRemoval(xds::Kind kind, const std::string& name, std::string reason) {
  Add({kind, name, kRemoval}, std::move(reason));
}

const std::string* Refusals::OfContent(xds::Kind kind, const std::string& name, std::string_view body) const {
  // Few names have any: most bodies need not be hashed.
  const auto begin = reasons_.lower_bound({kind, name, kRemoval});
  if (begin == reasons_.end() || std::get<0>(begin->first) != kind || std::get<1>(begin->first) != name) return nullptr;
  const auto found = reasons_.find({kind, name, HashOf(kind, name, body)});
  return found == reasons_.end() ? nullptr : &found->second;
}

const std::string* Refusals::OfRemoval(xds::Kind kind, const std::string& name) const {
  const auto found = reasons_.find({kind, name, kRemoval});
  return found == reasons_.end() ? nullptr : &found->second;
}

void Refusals::DropRemoval(xds::Kind kind, const std::string& name) {
  const Key key{kind, name, kRemoval};
  if (reasons_.erase(key) > 0) std::erase(order_, key);
}

void Refusals::Clear() {
  reasons_.clear();
  order_.clear();
}

}  // namespace pillion::guard
