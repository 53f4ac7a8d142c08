#pragma once

// Keys, passwords and credentials that stand in a resource itself, not in a file that it names: for who writes resources to
// a place of his own.

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "google/protobuf/any.pb.h"

namespace pillion::config {

// What of a resource may be written down.
struct Writable {
  std::string secret;  // the place of the first secret in it; empty: there is none
  // What stands for it: without fields and types that pillion does not have, for nobody knows what is in those. Nothing:
  // there is no such thing in it, and it stands for itself.
  std::optional<google::protobuf::Any> known;
};
// Nothing: it can't be read.
std::optional<Writable> WritableOf(const google::protobuf::Any& resource);

// Of the certificates in it whose keys are in it, too: the one that ends first.
struct CertificateEnd {
  std::string place;
  absl::Time time;
};
// Nothing: there is none.
std::optional<CertificateEnd> FirstCertificateEnd(const google::protobuf::Any& resource);

}  // namespace pillion::config
