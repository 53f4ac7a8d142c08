#pragma once

// The names that expressions may use, with their numbers and types. Immutable once built; any thread. A protocol that has
// attributes of its own copies the one for requests and adds to it.

#include <string>
#include <string_view>
#include <vector>

#include "source/expression/attributes.h"
#include "source/expression/type.h"

namespace pillion::expression {

// When an expression is evaluated.
enum class Moment : uint8_t {
  kRequest,  // when the head of a request has come: nothing is known of what becomes of it
  kEnd,      // when it is over
};

class Catalog {
 public:
  struct Entry {
    std::string name;  // with dots
    Attribute id;
    Type type;
    bool lookup = false;  // a map whose entries are asked for one by one
    bool late = false;    // there is none before Moment::kEnd
  };

  static const Catalog& OfRequests();

  void Add(Entry entry) { entries_.push_back(std::move(entry)); }

  // Null: there is none of that name.
  const Entry* Find(std::string_view name) const;
  // There are names that begin with this one and a dot.
  bool IsGroup(std::string_view name) const;
  // "request.path, request.url_path, ...", for messages: those of a group, or the one that is spelled most alike.
  std::string Members(std::string_view group) const;
  std::string Nearest(std::string_view name) const;  // empty: none is alike

  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace pillion::expression
