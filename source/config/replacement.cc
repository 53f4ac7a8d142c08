#include "source/config/replacement.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <span>
#include <utility>

#include "envoy/config/bootstrap/v3/bootstrap.pb.h"
#include "envoy/extensions/transport_sockets/tls/v3/tls.pb.h"
#include "google/protobuf/util/message_differencer.h"
#include "source/config/build.h"
#include "source/config/changed_fields.h"
#include "source/config/check.h"
#include "source/config/static_text.h"
#include "source/config/text.h"

namespace pillion::config {
namespace {

using BootstrapMessage = envoy::config::bootstrap::v3::Bootstrap;
using ClusterMessage = envoy::config::cluster::v3::Cluster;
using ListenerMessage = envoy::config::listener::v3::Listener;
using SecretMessage = envoy::extensions::transport_sockets::tls::v3::Secret;
using Kind = StaticPart::Kind;

constexpr size_t kNobody = SIZE_MAX;
// Of judging all anew without what was found to be bad. Then what is new is refused kind by kind.
constexpr int kMostRounds = 20;
constexpr size_t kMostReasons = 10;  // that are said of each part that nobody knows to be to blame

// By kind, in the order of the enum.
constexpr std::string_view kLists[] = {"static_resources.clusters", "static_resources.listeners",
                                       "static_resources.secrets"};

size_t ListOf(Kind kind) { return static_cast<size_t>(kind); }

// Of `path`: which list it is in, the index there, and what follows.
struct Located {
  size_t list;
  size_t index;
  std::string rest;
};
std::optional<Located> Locate(const std::string& path) {
  for (size_t list = 0; list < std::size(kLists); ++list) {
    const size_t begin = kLists[list].size() + 1;
    const size_t end = path.find(']');
    if (!path.starts_with(kLists[list]) || end == path.npos || path[begin - 1] != '[') continue;
    return Located{list, std::stoul(path.substr(begin, end - begin)), path.substr(end + 1)};
  }
  return std::nullopt;
}

std::string PartText(const StaticPart& part) {
  return part.name.empty() ? std::string(KindName(part.kind)) : Concat(KindName(part.kind), " ", Quote(part.name));
}

// Maps may be written in any order.
bool Same(const google::protobuf::Message& a, const google::protobuf::Message& b) {
  return a.SerializeAsString() == b.SerializeAsString() || google::protobuf::util::MessageDifferencer::Equals(a, b);
}

void AddTo(BootstrapMessage::StaticResources& to, Kind kind, const google::protobuf::Message& message) {
  if (kind == Kind::kCluster) *to.add_clusters() = static_cast<const ClusterMessage&>(message);
  if (kind == Kind::kListener) *to.add_listeners() = static_cast<const ListenerMessage&>(message);
  if (kind == Kind::kSecret) *to.add_secrets() = static_cast<const SecretMessage&>(message);
}

}  // namespace

// In an error or a note.
struct Replacement::Found {
  size_t piece;  // or kNobody
  ConfigError error;
};

// A configuration as a whole, made of pieces.
struct Replacement::Built {
  std::shared_ptr<BootstrapMessage> message = std::make_shared<BootstrapMessage>();
  std::array<std::vector<size_t>, std::size(kLists)> pieces;  // of each list
  std::shared_ptr<Bootstrap> bootstrap;
  std::vector<Found> errors;
  std::vector<Found> notes;
};

Replacement::Replacement(std::shared_ptr<const Bootstrap> running, const LoadOptions& options, Given given)
    : running_(std::move(running)), options_(options), given_(std::move(given)) {}

Replacement::~Replacement() = default;

bool Replacement::Read(const std::vector<Source>& sources, bool list_too) {
  const StaticText text = ReadStatic(sources, options_, list_too);
  errors_ = text.errors;
  if (!errors_.empty()) return false;
  const auto& before = static_cast<const BootstrapMessage&>(*running_->source).static_resources();
  if (!text.has_resources && before.clusters_size() + before.listeners_size() + before.secrets_size() > 0) {
    errors_ = text.outside;
    constexpr const char* kNoList = "empty, expected some; where all shall go, static_resources: {}";
    constexpr const char* kNoWord = "missing, expected it with nothing in it where all shall go";
    const char* const where = text.is_list ? "resources" : "static_resources";
    errors_.push_back({where, 0, text.is_list ? kNoList : kNoWord, text.names.front()});
    return false;
  }
  notes_ = text.notes;
  outside_ = text.outside;
  if (!text.is_list) CompareRest(text, !list_too);
  keep_gone_ = !outside_.empty();
  Compare(text);
  Judge(text);
  return true;
}

// The rest only a restart can change; what one would refuse is said now.
void Replacement::CompareRest(const StaticText& text, bool whole) {
  BootstrapMessage running = static_cast<const BootstrapMessage&>(*running_->source);
  running.clear_static_resources();
  needs_restart_ = ChangedFields(running, text.rest, whole);
  if (needs_restart_.empty() || !whole || !outside_.empty()) return;
  BootstrapMessage next = text.rest;
  for (const StaticText::Item& item : text.items) AddTo(*next.mutable_static_resources(), item.part.kind, *item.message);
  ErrorList errors;
  std::vector<ConfigError> notes;
  CheckConstraints(next, errors);
  BuildBootstrap(next, options_, errors, notes);
  for (ConfigError& error : errors.Take()) {
    if (Locate(error.path)) continue;
    text.Place(error);
    outside_.push_back(std::move(error));
  }
  for (const auto& [part, count] : errors.dropped_in()) {
    if (!Locate(part)) outside_.push_back({part, 0, MoreErrors(count)});
  }
}

std::map<StaticPart, Replacement::Version> Replacement::Formers() const {
  std::map<StaticPart, Version> formers;
  const auto& from = static_cast<const BootstrapMessage&>(*running_->source).static_resources();
  // They live as long as all of it.
  const auto shared = [this](const Message& part) { return std::shared_ptr<const Message>(running_->source, &part); };
  for (int i = 0; i < from.clusters_size(); ++i) {
    const std::shared_ptr<const Cluster>& cluster = running_->clusters[static_cast<size_t>(i)];
    formers[{Kind::kCluster, cluster->name}] = {.message = shared(from.clusters(i)), .cluster = cluster, .listener = {}};
  }
  for (int i = 0; i < from.listeners_size(); ++i) {
    const std::shared_ptr<const Listener>& listener = running_->listeners[static_cast<size_t>(i)];
    formers[{Kind::kListener, listener->name}] = {.message = shared(from.listeners(i)), .cluster = {}, .listener = listener};
  }
  for (const SecretMessage& secret : from.secrets()) {
    formers[{Kind::kSecret, secret.name()}] = {.message = shared(secret), .cluster = {}, .listener = {}};
  }
  return formers;
}

void Replacement::Compare(const StaticText& text) {
  std::map<StaticPart, Version> formers = Formers();
  std::set<StaticPart> seen;
  for (const StaticText::Item& item : text.items) {
    Piece& piece = pieces_.emplace_back();
    piece.part = item.part;
    piece.path = item.path;
    piece.now.message = item.message;
    piece.errors = item.errors;
    const auto refuse = [&](std::string why) {
      piece.errors.push_back({item.path, 0, std::move(why)});
      text.Place(piece.errors.back());
    };
    if (item.part.kind != Kind::kOther && !seen.insert(item.part).second) {
      refuse(Concat("a second ", PartText(item.part), ", expected each name once"));
    } else if (const auto former = formers.find(item.part); former != formers.end()) {
      piece.before = former->second;
    } else if (piece.errors.empty() && given_(item.part)) {
      refuse(Concat("a control plane gives a ", KindName(item.part.kind), " of this name, expected another one"));
    }
    const Message* const before = piece.before.message.get();
    if (!piece.errors.empty()) {
      piece.state = State::kRefused;
      keep_gone_ = true;
    } else if (before == nullptr || !Same(*before, *item.message)) {
      piece.state = State::kFresh;
    }
  }
  for (auto& [part, version] : formers) {
    if (seen.contains(part)) continue;
    Piece& piece = pieces_.emplace_back();
    piece.part = part;
    piece.gone = true;
    piece.before = std::move(version);
  }
}

const Replacement::Version* Replacement::InUse(const Piece& piece) const {
  const bool before = piece.state != State::kFresh && (!piece.gone || keep_gone_);
  const Version* const version = piece.state == State::kFresh ? &piece.now : before ? &piece.before : nullptr;
  return version == nullptr || version->message == nullptr ? nullptr : version;
}

Replacement::Built Replacement::Compose(Order order) const {
  Built built;
  *built.message = static_cast<const BootstrapMessage&>(*running_->source);
  built.message->clear_static_resources();
  auto& to = *built.message->mutable_static_resources();
  const auto add = [&](const auto& wanted) {
    for (size_t i = 0; i < pieces_.size(); ++i) {
      const Piece& piece = pieces_[i];
      const Version* const version = order == Order::kFormersAlone ? &piece.before : InUse(piece);
      if (version == nullptr || version->message == nullptr || !wanted(piece)) continue;
      AddTo(to, piece.part.kind, *version->message);
      built.pieces[ListOf(piece.part.kind)].push_back(i);
    }
  };
  if (order != Order::kFormersFirst) {
    add([](const Piece&) { return true; });
    return built;
  }
  add([](const Piece& piece) { return piece.state != State::kFresh; });
  add([](const Piece& piece) { return piece.state == State::kFresh; });
  return built;
}

Replacement::Built Replacement::Build(Order order, const StaticText& text) const {
  Built built = Compose(order);
  ErrorList errors;
  std::vector<ConfigError> notes;
  CheckConstraints(*built.message, errors);
  built.bootstrap = BuildBootstrap(*built.message, options_, errors, notes, running_.get());
  const auto assign = [&](ConfigError error, std::vector<Found>& to) {
    const std::optional<Located> located = Locate(error.path);
    if (!located || located->index >= built.pieces[located->list].size()) {
      to.push_back({kNobody, std::move(error)});
      return;
    }
    const size_t index = built.pieces[located->list][located->index];
    const Piece& piece = pieces_[index];
    error.path = piece.path + located->rest;
    if (!piece.gone && piece.state != State::kRefused) text.Place(error);
    to.push_back({index, std::move(error)});
  };
  for (ConfigError& error : errors.Take()) assign(std::move(error), built.errors);
  for (const auto& [part, count] : errors.dropped_in()) assign({part, 0, MoreErrors(count)}, built.errors);
  for (ConfigError& note : notes) assign(std::move(note), built.notes);
  return built;
}

void Replacement::Judge(const StaticText& text) {
  std::optional<std::set<std::string>> known;  // what is wrong with what there is, whatever comes
  const auto key = [this](const Found& found) {
    const std::string part = found.piece == kNobody ? "" : PartText(pieces_[found.piece].part);
    return Concat(part, "\n", found.error.path, "\n", found.error.message);
  };
  for (int round = 1;; ++round) {
    Built built = Build(Order::kFormersFirst, text);
    std::vector<Found> elsewhere;  // in what stays as it is
    std::set<size_t> bad;
    for (Found& found : built.errors) {
      if (found.piece == kNobody || pieces_[found.piece].state != State::kFresh) {
        elsewhere.push_back(std::move(found));
      } else {
        pieces_[found.piece].errors.push_back(std::move(found.error));
        bad.insert(found.piece);
      }
    }
    for (const size_t piece : bad) pieces_[piece].state = State::kRefused;
    if (built.errors.empty()) break;
    if (!keep_gone_) {
      // Something is used that is gone.
      for (Found& found : elsewhere) {
        (found.piece == kNobody ? outside_ : pieces_[found.piece].errors).push_back(std::move(found.error));
      }
      keep_gone_ = true;
      continue;
    }
    if (!bad.empty()) {
      constexpr char kChain[] = "one needs the other in a long chain, and its end is bad";  // a round finds one link
      if (round >= kMostRounds) RefuseOneKind({{kNobody, {"", 0, kChain}}});
      continue;
    }
    if (!known) {
      known.emplace();
      for (const Found& found : Build(Order::kFormersAlone, text).errors) known->insert(key(found));
    }
    std::erase_if(elsewhere, [&](const Found& found) { return known->contains(key(found)); });
    if (elsewhere.empty() || !RefuseOneKind(elsewhere)) break;
  }
  TakeBuilt(text);
}

// Which of those that are new brings the trouble to others nobody knows: so all of a kind go, and then of the next.
bool Replacement::RefuseOneKind(const std::vector<Found>& because) {
  for (const Kind kind : {Kind::kSecret, Kind::kCluster, Kind::kListener}) {
    bool any = false;
    for (Piece& piece : pieces_) {
      if (piece.part.kind != kind || piece.state != State::kFresh) continue;
      any = true;
      piece.state = State::kRefused;
      for (const Found& found : std::span(because).first(std::min(because.size(), kMostReasons))) {
        const StaticPart other = found.piece == kNobody ? StaticPart{Kind::kBootstrap, ""} : pieces_[found.piece].part;
        std::string why = Concat("with it, or another ", KindName(kind), " that is new, ", PartText(other), " is wrong: ");
        piece.errors.push_back({piece.path, 0, why + ErrorText("", found.error)});
      }
      if (because.size() > kMostReasons) piece.errors.push_back({piece.path, 0, MoreErrors(because.size() - kMostReasons)});
    }
    if (any) return true;
  }
  return false;
}

void Replacement::TakeBuilt(const StaticText& text) {
  const Built built = Build(Order::kAsWritten, text);
  const auto take = [&](Kind kind, const auto& parts, auto member) {
    for (size_t i = 0; i < parts.size(); ++i) {
      Piece& piece = pieces_[built.pieces[ListOf(kind)][i]];
      if (piece.state == State::kFresh) piece.now.*member = parts[i];
    }
  };
  take(Kind::kCluster, built.bootstrap->clusters, &Version::cluster);
  take(Kind::kListener, built.bootstrap->listeners, &Version::listener);
  for (const Found& note : built.notes) {
    if (note.piece != kNobody && pieces_[note.piece].state == State::kFresh) notes_.push_back(note.error);
  }
}

std::set<std::string> Replacement::TakeSecrets() {
  std::set<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.part.kind == Kind::kSecret && piece.state == State::kFresh) names.insert(piece.part.name);
  }
  SetSecrets(true);
  return names;
}

// Gone ones are there until the end: what is made anew meanwhile may still name them.
void Replacement::SetSecrets(bool with_gone) const {
  std::map<std::string, NamedSecret, std::less<>> secrets;
  for (const Piece& piece : pieces_) {
    const Version* version = InUse(piece);
    if (version == nullptr && with_gone && piece.gone) version = &piece.before;
    if (piece.part.kind != Kind::kSecret || version == nullptr) continue;
    secrets[piece.part.name] = {.secret = std::static_pointer_cast<const SecretMessage>(version->message),
                                .path = ElementPath(kLists[ListOf(Kind::kSecret)], secrets.size())};
  }
  running_->secrets->by_name = std::move(secrets);
}

std::vector<std::shared_ptr<const Cluster>> Replacement::clusters() const {
  std::vector<std::shared_ptr<const Cluster>> clusters;
  for (const Piece& piece : pieces_) {
    if (piece.part.kind == Kind::kCluster && piece.state == State::kFresh) clusters.push_back(piece.now.cluster);
  }
  return clusters;
}

std::vector<std::shared_ptr<const Listener>> Replacement::listeners() const {
  std::vector<std::shared_ptr<const Listener>> listeners;
  for (const Piece& piece : pieces_) {
    if (piece.part.kind == Kind::kListener && piece.state == State::kFresh) listeners.push_back(piece.now.listener);
  }
  return listeners;
}

std::set<std::string> Replacement::leaving_listeners() const {
  std::set<std::string> names;
  for (const Piece& piece : pieces_) {
    if (piece.gone && !keep_gone_ && piece.part.kind == Kind::kListener) names.insert(piece.part.name);
  }
  return names;
}

void Replacement::Refuse(const StaticPart& part, std::string why) {
  const auto found = std::ranges::find_if(
      pieces_, [&part](const Piece& piece) { return piece.part == part && piece.state == State::kFresh; });
  if (found == pieces_.end()) return;
  found->state = State::kRefused;
  found->errors.push_back({found->path, 0, std::move(why)});
  keep_gone_ = true;
}

Replacement::Outcome Replacement::Finish() {
  SetSecrets(false);
  Outcome outcome;
  const Built built = Compose(Order::kAsWritten);
  const auto next = std::make_shared<Bootstrap>(*running_);
  next->source = built.message;
  next->clusters.clear();
  for (const size_t i : built.pieces[ListOf(Kind::kCluster)]) next->clusters.push_back(InUse(pieces_[i])->cluster);
  next->listeners.clear();
  for (const size_t i : built.pieces[ListOf(Kind::kListener)]) next->listeners.push_back(InUse(pieces_[i])->listener);
  if (options_.unknown.passed_over != nullptr) next->unknown_fields = options_.unknown.passed_over->count();
  outcome.bootstrap = next;
  for (Piece& piece : pieces_) {
    if (!piece.errors.empty()) {
      outcome.refused.push_back({piece.part, std::move(piece.errors)});
    } else if (piece.gone) {
      (keep_gone_ ? outcome.kept : outcome.removed).push_back(piece.part);
    } else if (piece.state == State::kSame) {
      outcome.unchanged.push_back(piece.part);
    } else {
      (piece.before.message == nullptr ? outcome.added : outcome.changed).push_back(piece.part);
    }
  }
  if (!outside_.empty()) outcome.refused.push_back({{Kind::kBootstrap, ""}, std::move(outside_)});
  outcome.needs_restart = std::move(needs_restart_);
  return outcome;
}

}  // namespace pillion::config
