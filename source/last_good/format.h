#pragma once

// The bytes of a file: a line with the format's version, a pillion.state.v1.LastGood, and a line with the SHA-256 of both.
// No file here.

#include <functional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "source/identity/sha256.h"
#include "source/last_good/state.h"

namespace pillion::last_good {

// With what each file begins that is one of these, of whatever version.
inline constexpr std::string_view kMagic = "pillion last good ";

// FailedPrecondition: it is none of these, or of somebody else. DataLoss: it is damaged. The error says what is wrong, and
// names no path.
absl::StatusOr<State> Parse(std::string_view bytes, const Owner& owner);

// Writes one piece by piece, so that it is never in memory as a whole.
class Writer {
 public:
  using Sink = std::function<void(std::string_view bytes)>;

  // The head.
  Writer(const Owner& owner, base::WallTime now, Sink sink);

  // A section, then its resources.
  void Begin(const SectionId& section);
  void Add(const std::string& name, const Kept& kept);
  void LeaveOut(const std::string& name, const std::string& why);
  void End();

 private:
  void Put(std::string_view bytes);

  const Sink sink_;
  identity::Sha256 digest_;
  SectionId section_;
};

}  // namespace pillion::last_good
