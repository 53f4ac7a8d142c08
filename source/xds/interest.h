#pragma once

// Which resources of a type are wanted, and what of that the other end of a stream has been told. Part of a TypeProtocol.

#include <set>
#include <string>

namespace pillion::xds {

using Names = std::set<std::string, std::less<>>;

class Interest {
 public:
  // `all`: of the type, whatever it is called; names are not asked for then.
  explicit Interest(bool all) : all_(all) {}

  // Not where all are wanted. Also of one that is wanted already: then it is asked for again, as nothing is known of it any
  // more.
  void Add(const std::string& name);
  void Remove(const std::string& name);

  bool all() const { return all_; }
  bool Wants(const std::string& name) const { return all_ || wanted_.contains(name); }
  const Names& wanted() const { return wanted_; }

  // A stream begins: its other end has been told nothing.
  void Begin();
  // It has been told something on this stream.
  bool asked() const { return asked_; }
  // There is something to be told, perhaps again, or to be forgotten.
  bool due() const { return asked_ ? !added_.empty() || !dropped_.empty() : all_ || !wanted_.empty(); }
  const Names& told() const { return told_; }
  const Names& added() const { return added_; }
  const Names& dropped() const { return dropped_; }

  // It is told the differences.
  void Tell();
  // It is told a whole list: told(), afterwards. A name that it is to be told again is not in it, so that it is forgotten,
  // and is due after that.
  void TellList();

 private:
  const bool all_;
  Names wanted_;
  bool asked_ = false;
  Names told_;
  Names added_;
  Names dropped_;
};

}  // namespace pillion::xds
