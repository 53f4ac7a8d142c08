#pragma once

// What was taken of a type, and until when it lives. Part of a TypeProtocol.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "google/protobuf/any.pb.h"
#include "source/base/clock.h"

namespace pillion::xds {

class Holdings {
 public:
  using Until = std::optional<base::MonotonicTime>;  // nothing: it does not end by itself

  struct Held {
    std::string version;
    uint64_t hash;  // of its bytes
    std::shared_ptr<const google::protobuf::Any> body;
    base::WallTime taken;  // when it came first as it is
    Until until = {};
  };

  // Null: there is none.
  const Held* Find(std::string_view name) const;
  const std::map<std::string, Held, std::less<>>& all() const { return held_; }

  // But for its end, that is `until`.
  void Set(const std::string& name, Held held, Until until);
  // It is there.
  void Prolong(std::string_view name, Until until);
  // Nothing: it was not there.
  std::optional<Held> Erase(std::string_view name);

  // When the first one ends.
  Until first_end() const;
  // Those whose time is over are taken out.
  std::vector<std::pair<std::string, Held>> Expire(base::MonotonicTime now);

 private:
  void SetEnd(const std::string& name, Held& held, Until until);

  std::map<std::string, Held, std::less<>> held_;
  std::set<std::pair<base::MonotonicTime, std::string>> ends_;
};

}  // namespace pillion::xds
