#include "source/last_good/format.h"

#include <algorithm>
#include <utility>

#include "pillion/state/v1/last_good.pb.h"
#include "source/config/text.h"

namespace pillion::last_good {
namespace {

using config::Concat;
using config::Quote;
using Message = pillion::state::v1::LastGood;

constexpr std::string_view kVersion = "1";
constexpr std::string_view kDigest = "sha256 ";
constexpr size_t kTail = kDigest.size() + identity::Sha256::kHexSize + 1;
constexpr int64_t kLastSecond = 9'000'000'000;  // in the year 2255: what a WallTime can be

std::string HeadLine() { return Concat(kMagic, kVersion, '\n'); }

std::string TailLine(identity::Sha256& digest) { return Concat(kDigest, digest.Hex(), '\n'); }

absl::Status Damaged(const std::string& how) { return absl::DataLossError(Concat("is damaged: ", how)); }

const xds::KindNames* FindKind(const std::string& type) {
  const auto* const found = std::ranges::find(xds::kKinds, type, &xds::KindNames::type);
  return found == xds::kKinds.end() ? nullptr : found;
}

xds::Kind KindOf(const xds::KindNames& names) { return static_cast<xds::Kind>(&names - xds::kKinds.data()); }

// Empty: nothing is wrong.
std::string Wrong(const Message::Entry& entry) {
  if (FindKind(entry.kind()) == nullptr) return Concat("of kind ", Quote(entry.kind()));
  if (entry.name().empty()) return "without a name";
  if (entry.left_out().empty() && !entry.body().type_url().ends_with("/" + entry.kind())) {
    return Concat(Quote(entry.body().type_url()), ", expected ", Quote(entry.kind()));
  }
  return "";
}

}  // namespace

absl::StatusOr<State> Parse(std::string_view bytes, const Owner& owner) {
  if (bytes.empty()) return Damaged("it is empty");
  const std::string head = HeadLine();
  if (!bytes.starts_with(kMagic)) return absl::FailedPreconditionError("is no file of last good state");
  if (!bytes.starts_with(head)) {
    const std::string_view rest = bytes.substr(kMagic.size(), 20);
    return absl::FailedPreconditionError(
        Concat("is of format ", Quote(rest.substr(0, rest.find('\n'))), ", expected ", kVersion));
  }
  if (bytes.size() < head.size() + kTail) return Damaged("it is cut short");
  const std::string_view whole = bytes.substr(0, bytes.size() - kTail);
  identity::Sha256 digest;
  digest.Update(whole);
  if (bytes.substr(whole.size()) != TailLine(digest)) return Damaged("its checksum is not that of its bytes");
  Message message;
  const std::string_view body = whole.substr(head.size());
  if (!message.ParseFromArray(body.data(), static_cast<int>(body.size()))) return Damaged("bytes that are no message");
  const Owner writer{message.node(), message.cluster()};
  if (writer != owner) {
    return absl::FailedPreconditionError(Concat("is of node ", Quote(writer.node), " of cluster ", Quote(writer.cluster),
                                                ", expected ", Quote(owner.node), " of ", Quote(owner.cluster)));
  }
  if (message.written().seconds() < 0 || message.written().seconds() > kLastSecond) return Damaged("it has no time");
  State state{.written = base::WallTime(std::chrono::seconds(message.written().seconds())), .sections = {}};
  for (const Message::Section& section : message.sections()) {
    const xds::KindNames* const kind = FindKind(section.kind());
    if (kind == nullptr) return Damaged(Concat("a section of kind ", Quote(section.kind())));
    state.sections.try_emplace({section.source(), KindOf(*kind)});
  }
  for (Message::Entry& entry : *message.mutable_entries()) {
    if (const std::string wrong = Wrong(entry); !wrong.empty()) return Damaged("an entry " + wrong);
    Section& section = state.sections[{entry.source(), KindOf(*FindKind(entry.kind()))}];
    if (!entry.left_out().empty()) {
      section.left_out[entry.name()] = entry.left_out();
    } else {
      section.kept[entry.name()] = {
          .version = entry.version(),
          .body = std::make_shared<const google::protobuf::Any>(std::move(*entry.mutable_body()))};
    }
  }
  return state;
}

Writer::Writer(const Owner& owner, base::WallTime now, Sink sink) : sink_(std::move(sink)) {
  Put(HeadLine());
  Message message;
  message.set_node(owner.node);
  message.set_cluster(owner.cluster);
  message.mutable_written()->set_seconds(
      std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count());
  Put(message.SerializeAsString());
}

// Bytes of messages, one behind the other, are those of a message with all that is in each.
void Writer::Begin(const SectionId& section) {
  section_ = section;
  Message message;
  Message::Section& added = *message.add_sections();
  added.set_source(section.first);
  added.set_kind(std::string(xds::NamesOf(section.second).type));
  Put(message.SerializeAsString());
}

void Writer::Add(const std::string& name, const Kept& kept) {
  Message message;
  Message::Entry& entry = *message.add_entries();
  entry.set_source(section_.first);
  entry.set_kind(std::string(xds::NamesOf(section_.second).type));
  entry.set_name(name);
  entry.set_version(kept.version);
  *entry.mutable_body() = *kept.body;
  Put(message.SerializeAsString());
}

void Writer::LeaveOut(const std::string& name, const std::string& why) {
  Message message;
  Message::Entry& entry = *message.add_entries();
  entry.set_source(section_.first);
  entry.set_kind(std::string(xds::NamesOf(section_.second).type));
  entry.set_name(name);
  entry.set_left_out(why);
  Put(message.SerializeAsString());
}

void Writer::End() { sink_(TailLine(digest_)); }

void Writer::Put(std::string_view bytes) {
  digest_.Update(bytes);
  sink_(bytes);
}

}  // namespace pillion::last_good
