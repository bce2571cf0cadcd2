// Streams that go from partition to partition as the number of partitions changes: whose state holds what of
// them, and that their windows are those of a log that never changed.
#include "bgworkers/lineage.hpp"
#include "tests/unit/processors_fixture.hpp"

#include <map>
#include <memory>
#include <random>

namespace soup::workers {
namespace {

using processors::InputRecord;
using processors::Point;

using Ancestors = std::vector<Ancestor>;

Ancestors sources(const Ancestors& partitions, std::int32_t heir) {
    Ancestors found;
    for (const Ancestor* source : Lineage(partitions, heir).sources())
        found.push_back(*source);
    return found;
}

TEST(ProcessingLineage, TheFirstEpochInheritsNothing) {
    EXPECT_EQ(sources({{0, 0, false}, {0, 1, true}}, 0), Ancestors{});
}

TEST(ProcessingLineage, TheNewestEpochComesFirstUpToACompleteOne) {
    const Ancestors partitions = {{0, 0, true}, {1, 1, true},  {1, 2, true},
                                  {2, 3, true}, {2, 4, false}, {3, 5, false}};
    EXPECT_EQ(sources(partitions, 5), (Ancestors{{2, 3, true}, {1, 1, true}, {1, 2, true}}));
}

TEST(ProcessingLineage, AStateOfTheHeirsOwnEpochIsNoSource) {
    EXPECT_EQ(sources({{0, 0, false}, {1, 1, true}, {1, 2, false}}, 2), Ancestors{});
}

/// A log of one model: streams of numbered records in partitions of several epochs.
class EpochLog {
public:
    /// Partitions of the next epoch.
    void begin_epoch(std::size_t count) {
        const auto epoch = static_cast<std::int32_t>(epochs_.size());
        epochs_.emplace_back();
        for (std::size_t i = 0; i < count; i++) {
            epochs_.back().push_back(static_cast<std::int32_t>(records_.size()));
            epoch_of_.push_back(epoch);
            records_.emplace_back();
        }
    }
    void add(const std::string& stream) {
        const std::vector<std::int32_t>& epoch = epochs_.back();
        const std::int32_t partition = epoch[rawlog::stream_place(stream, epoch.size())];
        whole_.add_value(stream, processors::test_wave(seen_[stream]++));
        auto& records = records_[static_cast<std::size_t>(partition)];
        records.push_back(whole_.last());
        records.back().partition = partition;
        records.back().offset = static_cast<std::int64_t>(records.size() - 1);
    }

    /// The same records in one partition that never changes.
    std::span<const InputRecord> whole() const { return whole_.records(); }
    std::size_t epoch_count() const { return epochs_.size(); }
    const std::vector<std::int32_t>& epoch(std::size_t number) const { return epochs_[number]; }
    std::span<const InputRecord> records(std::int32_t partition) const {
        return records_[static_cast<std::size_t>(partition)];
    }
    std::int32_t epoch_of(std::int32_t partition) const {
        return epoch_of_[static_cast<std::size_t>(partition)];
    }

private:
    processors::TestLog whole_;
    std::map<std::string, std::size_t> seen_;
    std::vector<std::vector<std::int32_t>> epochs_;
    std::vector<std::int32_t> epoch_of_;
    std::vector<std::vector<InputRecord>> records_; ///< By partition.
};

/// A version that processes the log: cursors' states by partition, as a lane has them.
class Version {
public:
    Version(const EpochLog& log, const manifest::Manifest& manifest, std::span<const std::byte> artefact)
        : log_(log), manifest_(manifest), artefact_(artefact) {}

    /// A slice of one partition, by a processor that is made for it.
    void process(std::int32_t partition, std::size_t record_count) {
        const auto records = log_.records(partition).subspan(done_[partition]).first(record_count);
        if (records.empty()) return;
        const auto processor = processors::make_processor(manifest_, artefact_);
        if (const auto state = states_.find(partition); state != states_.end())
            processor->load_state(state->second);
        else
            inherit(*processor, partition);
        processor->process(records, sink_);
        states_[partition] = processor->save_state();
        done_[partition] += records.size();
    }
    std::size_t left(std::int32_t partition) { return log_.records(partition).size() - done_[partition]; }

    /// All that there is, the partitions of an epoch interleaved in slices of random sizes.
    void process_all(std::mt19937& random) {
        for (std::size_t e = 0; e < log_.epoch_count(); e++)
            while (const std::size_t left = left_of(e)) {
                std::size_t nth = random() % left;
                for (const std::int32_t partition : log_.epoch(e)) {
                    const std::size_t here = this->left(partition);
                    if (nth < here) {
                        process(partition, 1 + random() % here);
                        break;
                    }
                    nth -= here;
                }
            }
    }

    std::map<std::string, Point> points() const {
        std::map<std::string, Point> points;
        for (const Point& point : sink_.points)
            EXPECT_TRUE(points.emplace(point.key, point).second) << point.key;
        return points;
    }
    const std::map<std::int32_t, std::vector<std::byte>>& states() const { return states_; }

private:
    std::size_t left_of(std::size_t epoch) {
        std::size_t count = 0;
        for (const std::int32_t partition : log_.epoch(epoch))
            count += left(partition);
        return count;
    }
    void inherit(processors::Processor& processor, std::int32_t heir) const {
        Ancestors partitions;
        for (std::int32_t e = 0; e <= log_.epoch_of(heir); e++)
            for (const std::int32_t partition : log_.epoch(static_cast<std::size_t>(e)))
                partitions.push_back({e, partition, states_.contains(partition)});
        const Lineage lineage(partitions, heir);
        for (const Ancestor* source : lineage.sources())
            processor.inherit(states_.at(source->partition),
                              [&](std::string_view stream) { return lineage.inherits(stream, *source); });
    }

    const EpochLog& log_;
    const manifest::Manifest& manifest_;
    std::span<const std::byte> artefact_;
    std::map<std::int32_t, std::vector<std::byte>> states_;
    std::map<std::int32_t, std::size_t> done_;
    processors::RecordingSink sink_;
};

/// Streams come and go: in each epoch some are silent, and with them whole partitions.
EpochLog random_log(std::mt19937& random) {
    EpochLog log;
    for (int epoch = 0; epoch < 6; epoch++) {
        log.begin_epoch(1 + random() % 7);
        std::vector<std::string> streams;
        for (int stream = 0; stream < 12; stream++)
            if (random() % 3 == 0) streams.push_back("stream-" + std::to_string(stream));
        if (streams.empty()) continue;
        for (std::size_t record = random() % 400; record > 0; record--)
            log.add(streams[random() % streams.size()]);
    }
    return log;
}

/// What a window is but where it lies.
using Measured = std::tuple<std::string, std::vector<float>, std::vector<processors::Value>, std::int64_t>;
Measured measured(const Point& point) {
    const std::size_t from = point.key.find('/') + 1;
    return {point.key.substr(from, point.key.rfind('/') - from), point.vector, point.attributes,
            point.received_us};
}

TEST(ProcessingEpochs, WindowsAreThoseOfALogThatNeverChanged) {
    processors::TestLog fit_log;
    for (std::size_t i = 0; i < 700; i++)
        fit_log.add_value("f", processors::test_wave(i));
    manifest::Manifest manifest = processors::small_window_manifest();
    std::size_t windows = 0, crossing = 0;
    for (unsigned seed = 0; seed < 40; seed++) {
        // Also windows with records between them, which are carried over as a number of rows to pass over.
        manifest.parameters.stride = seed % 4 == 3 ? 31 : 8;
        const auto artefact = processors::fit(manifest, fit_log.records());
        std::mt19937 random(seed);
        const EpochLog log = random_log(random);

        Version live(log, manifest, artefact), later(log, manifest, artefact);
        live.process_all(random);
        later.process_all(random);
        const auto points = live.points();
        ASSERT_EQ(points, later.points()) << seed;
        ASSERT_EQ(live.states(), later.states()) << seed;

        std::multiset<Measured> got, wanted;
        for (const auto& [key, point] : points) {
            got.insert(measured(point));
            const auto first_partition = static_cast<std::int32_t>(std::stol(key));
            const auto first = log.records(first_partition)[std::stoul(key.substr(key.rfind('/') + 1))];
            ASSERT_EQ(first.stream, std::get<0>(measured(point))) << "the key names a record of the stream";
            ASSERT_EQ(log.records(point.partition)[static_cast<std::size_t>(point.offset)].received_us,
                      point.received_us)
                << "and the source the last one";
            crossing += first_partition != point.partition ? 1 : 0;
        }
        for (const Point& point : processors::process_all(manifest, artefact, log.whole()).points)
            wanted.insert(measured(point));
        ASSERT_EQ(got, wanted) << seed;
        windows += got.size();
    }
    EXPECT_GT(windows, 1000U);
    EXPECT_GT(crossing, 100U) << "windows that begin and end in different partitions are what this is about";
}

} // namespace
} // namespace soup::workers
